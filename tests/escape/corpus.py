"""Attacks on the sandbox, each with the layers that stop it: without those it has to succeed.

An attack is the body of an async JavaScript function; `bait` names what it must not reach. A true result is an escape.
"""

from dataclasses import dataclass
from typing import Any

OUTSIDE = frozenset({"namespaces", "landlock", "own user"})  # files, processes and sockets of the host
NETWORK = frozenset({"namespaces", "landlock", "filter"})


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One case of the corpus."""

    id: str
    what: str
    work: str
    off: frozenset[str] = frozenset()  # the layers that stop it
    exempt: str = ""  # why it cannot be shown to succeed without them
    root_only: str = ""  # why it can be shown to succeed by root alone
    build: tuple[tuple[str, Any], ...] = ()  # settings of the function

    @property
    def name(self) -> str:
        return f"{self.id} {self.what}"


def attack(id: str, what: str, work: str, *off: str, **more: Any) -> Attack:  # noqa: A002
    settings = more.pop("build", {})
    layers = frozenset().union(
        *(OUTSIDE if one == "outside" else NETWORK if one == "network" else {one} for one in off)
    )
    return Attack(id=id, what=what, work=work, off=layers, build=tuple(settings.items()), **more)


LAUNCHER = "an ordinary user's launcher lives in a user namespace of its own, which stops it as well"
OWN_WORLD = "what it sees is its own, with every layer and without"
READ_ALL = """
  for (const pid of fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    try { if (fs.readFileSync(`/proc/${pid}/FILE`, 'latin1').includes(bait.word)) return true; } catch {}
  }
  return false;"""
SPIN = "const until = Date.now() + 2500; while (Date.now() < until); return true;"

ATTACKS = [
    # what of the host can be read
    attack("SB-01", "the environment of every process", READ_ALL.replace("FILE", "environ"), "outside", root_only=LAUNCHER),
    attack("SB-02", "the arguments of every process", READ_ALL.replace("FILE", "cmdline"), "outside"),
    attack("SB-02", "the cgroup it is in", "return fs.readFileSync('/proc/self/cgroup', 'latin1').includes(bait.word)",
           exempt="names of cgroups are the machine's; none of ours has a tenant's name in it"),
    attack("SB-04", "a process made by a constructor",
           "return this.constructor.constructor('return process')().getBuiltinModule('fs').readFileSync(bait.marker)", "outside"),
    attack("SB-04", "the main module's require", "return process.mainModule.require('fs').readFileSync(bait.marker)", "outside"),
    attack("SB-04", "the bindings below the library", "return process.binding('fs').readFileUtf8(bait.marker, 0)", "outside"),
    attack("SB-04", "a function of the harness found on the stack", """
        Error.prepareStackTrace = (_, sites) => sites;
        const below = new Error().stack.map((site) => site.getFunction() || site.getThis()).filter(Boolean);
        const reach = below[0]?.constructor?.constructor ?? Function;
        return reach('return process.getBuiltinModule("fs")')().readFileSync(bait.marker);""", "outside"),
    attack("SB-25", "a file of the host", "return fs.readFileSync(bait.marker)", "outside"),
    attack("SB-25", "a file of the host by dots", "return fs.readFileSync(__dirname + '/../../../../../..' + bait.marker)", "outside"),
    attack("SB-25", "a link out of the temporary directory",
           "fs.symlinkSync(bait.marker, 'link'); return fs.readFileSync('link')", "outside"),
    attack("SB-25", "the root of another process", "return fs.readFileSync(`/proc/${bait.pid}/root${bait.marker}`)", "outside", root_only=LAUNCHER),
    attack("SB-25", "the root by its own /proc", "return fs.readFileSync(`/proc/self/root${bait.marker}`)", "outside"),
    attack("SB-25", "the working directory of another process", "return fs.readdirSync(`/proc/${bait.pid}/cwd`)", "outside", root_only=LAUNCHER),
    attack("SB-25", "descriptors of another process", "return fs.readdirSync(`/proc/${bait.pid}/fd`).length", "outside", root_only=LAUNCHER),
    attack("SB-27", "the tree of devices", "return fs.readdirSync('/sys').length", "outside"),
    attack("SB-27", "the kernel's command line", "return fs.readFileSync('/proc/cmdline')", "outside"),
    attack("SB-27", "the users of the machine", "return fs.readFileSync('/etc/passwd')", "outside"),
    attack("SB-27", "the name of the machine", "return os.hostname() === bait.host", "outside"),
    attack("SB-36", "setuid programs", """
        return ['/bin', '/usr/bin', '/usr/sbin'].some((path) => fs.readdirSync(path)
          .some((name) => { try { return fs.statSync(`${path}/${name}`).mode & 0o4000; } catch { return false; } }));""",
           "outside"),
    # what of the host can be changed
    attack("SB-03", "the kernel's handler of crashes", "return fs.openSync('/proc/sys/kernel/core_pattern', 'r+')", "outside",
           root_only="an ordinary user may not change it"),
    attack("SB-15", "a file outside of its own", "fs.writeFileSync(bait.directory + '/written', 'x'); return true", "outside"),
    attack("SB-15", "the shared memory of the host", "fs.writeFileSync('/dev/shm/' + bait.word, 'x'); return true", "outside"),
    attack("SB-29", "its own code", "fs.writeFileSync(__filename, '//'); return true", "outside"),
    attack("SB-29", "more code beside it", "fs.writeFileSync(__dirname + '/more.js', '//'); return true", "outside"),
    attack("SB-29", "the harness", "fs.openSync(process.argv[1], 'r+'); return true", "outside",
           root_only="the file may not be the ordinary user's"),
    # processes
    attack("SB-05", "starting Node.js", "const made = cp.spawnSync(process.execPath, ['-v']); return !made.error", "filter"),
    attack("SB-05", "starting Node.js asynchronously", """
        return await new Promise((resolve) => {
          const child = cp.spawn(process.execPath, ['-e', '']);
          child.on('error', () => resolve(false)).on('exit', () => resolve(true));
        });""", "filter"),
    attack("SB-05", "replacing itself", """
        return await new Promise((resolve) => {
          setTimeout(resolve, 100, false);
          try { cp.execFileSync(process.execPath, ['-v']); resolve(true); } catch { resolve(false); }
        });""", "filter"),
    attack("SB-06", "loading a library", """
        try { process.dlopen({ exports: {} }, bait.library); } catch (error) {
          return error.message.includes('self-register');
        }""", "no addons"),
    attack("SB-09", "signalling the platform", "return process.kill(bait.pid, 0)", "outside", "filter"),
    attack("SB-09", "its parent", "process.kill(process.ppid, 0); return process.ppid > 0", "outside", "filter"),
    attack("SB-27", "its rank among all processes", "os.setPriority(5); return os.getPriority() === 5", "filter"),
    # sockets
    attack("SB-24", "opening a debugger", """
        const inspector = require('inspector');
        inspector.open(0, '127.0.0.1');
        return inspector.url() !== undefined;""", "network"),
    attack("SB-26", "a socket of the host", "return await raw('pipe', bait.socket)", "namespaces", "landlock", "filter", "own user"),
    attack("SB-26", "an abstract socket of the host", "return await raw('pipe', '\\0' + bait.abstract)", "network"),
    attack("EG-01", "a port of the host, without the proxy", "return await raw('tcp', '127.0.0.1', bait.port)", "network"),
    attack("EG-07", "a datagram", """
        const { UDP, SendWrap } = process.binding('udp_wrap');
        const socket = new UDP();
        return socket.bind('127.0.0.1', 0, 0) === 0;""", "filter"),
    attack("SB-26", "listening", """
        const { TCP } = process.binding('tcp_wrap');
        const server = new TCP(1);
        return server.bind('127.0.0.1', 0) === 0 && server.listen(1) === 0;""", "network"),
    attack("SB-27", "the network's interfaces", """
        return await new Promise((resolve, reject) => {
          const socket = require('dgram').createSocket('udp4');
          socket.on('error', reject).bind(0, () => resolve(true));
        });""", "filter"),
    attack("SB-32", "the terminal", "return fs.openSync('/dev/tty', 'r+') || [0, 1, 2].some(require('tty').isatty)",
           exempt="there is no terminal where tests run"),
    # resources
    attack("SB-10", "the time of a call", SPIN, "time", build={"timeout_s": 1}),
    attack("SB-10", "never answering", "await new Promise((resolve) => setTimeout(resolve, 2500)); return true", "time",
           build={"timeout_s": 1}),
    attack("SB-12", "the heap", """
        const kept = [];
        for (let n = 0; n < 400; n++) kept.push(new Array(131072).fill(n + 0.5));
        return kept.length;""", "memory"),
    attack("SB-12", "buffers", "const kept = []; for (let n = 0; n < 400; n++) kept.push(Buffer.alloc(1 << 20, 1)); return kept.length",
           "memory"),
    attack("SB-12", "shared buffers", """
        const kept = [];
        for (let n = 0; n < 400; n++) { kept.push(new SharedArrayBuffer(1 << 20)); new Uint8Array(kept[n]).fill(1); }
        return kept.length;""", "memory"),
    attack("SB-12", "WebAssembly", """
        const memory = new WebAssembly.Memory({ initial: 6400 });
        new Uint8Array(memory.buffer).fill(1);
        return true;""", "memory"),
    attack("SB-12", "one long string", "return Buffer.alloc(400 << 20, 97).latin1Slice(0, 400 << 20).length", "memory"),
    attack("SB-14", "descriptors", "for (let n = 0; n < 1000; n++) fs.openSync(__filename); return true", "descriptors"),
    attack("SB-11", "threads", """
        const { Worker } = require('worker_threads');
        for (let n = 0; n < 24; n++) {
          await new Promise((resolve, reject) => {
            const worker = new Worker('setInterval(() => {}, 1000)', { eval: true, resourceLimits: { stackSizeMb: 1 } });
            worker.on('online', resolve).on('error', reject);
          });
        }
        return true;""", "threads", "memory", "descriptors", build={"timeout_s": 20}),
    attack("SB-15", "the temporary directory", """
        for (let n = 0; n < 5; n++) fs.writeFileSync(`/tmp/${n}`, Buffer.alloc(8 << 20));
        return true;""", "sized /tmp", "memory"),
    attack("SB-15", "the names in it", "for (let n = 0; n < 3000; n++) fs.writeFileSync(`/tmp/${n}`, ''); return true", "sized /tmp"),
    attack("SB-15", "the size of one file", """
        const file = fs.openSync('/tmp/long', 'w');
        for (let n = 0; n < 80; n++) fs.writeSync(file, Buffer.alloc(1 << 20));
        return true;""", "sized /tmp", "file size"),
    # its own world
    attack("SB-27", "being another user", "return process.getuid() !== 65534", exempt=OWN_WORLD),
    attack("SB-27", "becoming root", "process.setuid(0); return process.getuid() === 0", exempt="there is no root in its user namespace"),
    attack("SB-01", "its own environment", "return Object.keys(process.env).length > 0", exempt=OWN_WORLD),
]  # fmt: skip

# Cases that have no layer to be switched off: what answers them is the code itself.
EXEMPT = {
    "SB-07": "run against the filter itself, with and without it, in test_filter.py",
    "SB-16": "a process that ends itself needs no layer",
    "SB-17": "the platform's own book-keeping of calls",
    "SB-19": "the parser of frames",
    "SB-20": "the parser of frames",
    "SB-21": "the platform is not JavaScript",
    "SB-22": "the limits on frames, which are constants of the parser",
    "SB-30": "that processes are never shared is the pool's own book-keeping",
    "SB-31": "the parser of frames",
    "SB-34": "the refusal is what remains when a layer is missing",
    "SB-35": "nonsense has no aim that could be reached",
    "SB-40": "that processes are never shared is the pool's own book-keeping",
    "EG-02": "the check of addresses that EG-01 is shown without",
    "EG-05": "each hop is a connection of its own, as in EG-01",
    "EG-04": "a name is resolved once; there is no second answer to fall for",
    "EG-09": "the caps on connections and calls in flight, which are constants",
    "EG-10": "names of configuration that would mean something to Node.js are not adopted",
    "RS": "what a function answers is read by one parser; tests/gateway/test_answers.py",
    "DO": "deadlines and caps of the connection; tests/gateway/test_connection.py",
    "LG": "what is printed is data: entries are JSON from beginning to end, masked, and shown to those who may see them",
    "LD": "a count, not an attack",
}
