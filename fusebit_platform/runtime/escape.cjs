'use strict';
// Tries to get out of a worker's sandbox and tells what worked; the probe runs it through the real recipe at start.

const { spawnSync } = require('node:child_process');
const dgram = require('node:dgram');
const fs = require('node:fs');
const net = require('node:net');

// Sockets as the kernel gives them: net itself goes through the proxy in here.
function connect(kind, ...target) {
  return new Promise((resolve, reject) => {
    const binding = process.binding(`${kind}_wrap`);
    const [Handle, Request] = kind === 'tcp' ? [binding.TCP, binding.TCPConnectWrap] : [binding.Pipe, binding.PipeConnectWrap];
    const handle = new Handle(0);
    const request = new Request();
    request.oncomplete = (status) => {
      handle.close();
      if (status === 0) resolve();
      else reject(new Error(String(status)));
    };
    const status = handle.connect(request, ...target);
    if (status) reject(new Error(String(status)));
  });
}

function connectThroughProxy(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(socket.destroy()));
    socket.on('error', reject);
  });
}

function sendDatagram(port) {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.on('error', reject);
    socket.send('x', port, '127.0.0.1', (error) => (error ? reject(error) : resolve(socket.close())));
  });
}

function spawn() {
  const { error } = spawnSync(process.execPath, ['--version']);
  if (error) throw error;
}

const attempts = {
  'read a file of the host': ({ marker }) => fs.readFileSync(marker),
  'read /etc/passwd': () => fs.readFileSync('/etc/passwd'),
  'list the root directory of the host': () => fs.readdirSync('/home'),
  'change its own code': () => fs.writeFileSync(`${__dirname}/more.js`, ''),
  'write outside its temporary directory': ({ directory }) => fs.writeFileSync(`${directory}/written`, ''),
  'read the environment of the platform': ({ pid }) => fs.readFileSync(`/proc/${pid}/environ`),
  'signal the platform': ({ pid }) => process.kill(pid, 0),
  'start a process': spawn,
  'reach a TCP port of the host': ({ port }) => connect('tcp', '127.0.0.1', port),
  'send a datagram': ({ port }) => sendDatagram(port),
  'reach a unix socket of the host': ({ socket }) => connect('pipe', socket),
  'reach an abstract socket of the host': ({ abstract }) => connect('pipe', `\0${abstract}`),
  'reach the host through the egress proxy': ({ port }) => connectThroughProxy(port),
};

module.exports = async (ctx) => {
  const succeeded = [];
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      await attempt(ctx);
      succeeded.push(name);
    } catch {
      // refused, as it should be
    }
  }
  return { body: succeeded };
};
