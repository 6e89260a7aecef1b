// For tests: programs that go on talking, whatever happens. Run inside a network namespace.
//
//   talk.mjs site V4 V6    any other program on a machine of the site (remote support, say): listens at TCP 9000 and UDP
//                          9001, sends without end to whoever has come and to the outside
//   talk.mjs peer V4 V6    a compromised peer outside: keeps connections open, opens new ones, sends without end
import dgram from 'node:dgram';
import net from 'node:net';

const [, , role, ...rest] = process.argv;
process.on('uncaughtException', () => {});
const chatter = Buffer.alloc(400, 'x');

function pour(socket) {
  const timer = setInterval(() => { if (!socket.destroyed && socket.writableLength < 1 << 20) socket.write(chatter); }, 3);
  socket.on('close', () => clearInterval(timer));
  socket.on('error', () => {});
}
function udpTo(address, port) {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  setInterval(() => socket.send(chatter, port, address, () => {}), 5);
}

if (role === 'site') {
  const [v4, v6] = rest;
  net.createServer((socket) => {
    pour(socket);
    socket.on('data', () => {});
  }).listen(9000, '::');
  const udp = dgram.createSocket('udp6');
  udp.on('message', () => {});
  udp.bind(9001);
  for (const address of [v4, v6]) {
    udpTo(address, 9001);
    setInterval(() => net.connect(9009, address).on('error', () => {}).setTimeout(500, function end() { this.destroy(); }), 50);
  }
} else {
  const [v4, v6] = rest;
  for (const address of [v4, v6]) {
    udpTo(address, 9001);
    for (let i = 0; i < 3; i++) pour(net.connect(9000, address));
    setInterval(() => net.connect(9000, address, function established() { pour(this); }).on('error', () => {}).setTimeout(400, function end() { this.destroy(); }), 50);
  }
}
console.log('talking');
