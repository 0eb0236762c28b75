// nginx with nchan, one worker process (https://nchan.io/). A channel keeps what its slowest subscriber has not been
// sent yet; a newcomer gets nothing of it.
import { execFileSync } from 'node:child_process';
import { Child } from './child.mjs';
import { debianVersion, requireDebianPackage } from './debian-package.mjs';
import { freePort } from './free-port.mjs';
import { temporaryFolder } from './temporary-folder.mjs';

const program = '/usr/sbin/nginx';
const nchanModule = '/usr/lib/nginx/modules/ngx_nchan_module.so';

const configuration = (port, folder) => `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
load_module ${nchanModule};
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 20000; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  nchan_shared_memory_size 256M;
  nchan_message_buffer_length 1000;
  nchan_message_timeout 10s;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    nchan_subscriber_first_message newest;
    location ~ ^/room/(\\d+)$ { nchan_subscriber websocket; nchan_channel_id $1; }
    location ~ ^/publish/(\\d+)$ { nchan_publisher websocket; nchan_channel_id $1; }
    location ~ ^/both/(\\d+)$ { nchan_pubsub websocket; nchan_channel_id $1; }
    location = /alive { return 204; }
  }
}
`;

export const nchan = {
  what: 'nginx with nchan, one worker process',
  dialect: () => 'nchan',
  version: () => debianVersion('libnginx-mod-nchan'),
  prepare() {
    requireDebianPackage(nchanModule, ['nginx', 'libnginx-mod-nchan']);
    requireDebianPackage(program, ['nginx']);
  },
  async start() {
    const port = await freePort();
    const folder = await temporaryFolder();
    const file = await temporaryFolder({ 'nginx.conf': configuration(port, folder.path) });
    const check = ['-t', '-q', '-c', file.file('nginx.conf'), '-e', 'stderr'];
    const child = new Child('nginx', program, ['-c', file.file('nginx.conf'), '-e', 'stderr']);
    const stop = async () => {
      await child.stop();
      await folder.remove();
      await file.remove();
    };
    try {
      await answers(child, port, () => execFileSync(program, check, { stdio: 'pipe' }));
      return { ports: [port], pids: [child.pid], stop };
    } catch (error) {
      await stop();
      throw error;
    }
  },
};

/** nginx says nothing when it has started. */
async function answers(child, port, explain) {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.hasEnded) explain();
    const response = await fetch(`http://127.0.0.1:${port}/alive`).catch(() => undefined);
    if (response?.status === 204) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nginx does not answer');
}
