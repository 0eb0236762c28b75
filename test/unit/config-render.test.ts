import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { renderConfig } from '../../src/config/render-config.ts';
import { mask, maskSecrets } from '../../src/config/secrets.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('the printed configuration', () => {
  it('says where each value came from and masks secrets', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml': [
        'node: bells',
        'apps:',
        '  chat:',
        '    urls: [/a, /b]',
        '    auth: {type: token, secret: a secret of at least thirty-two bytes}',
        '  log-view: {logs: {}}',
      ].join('\n'),
    });
    const loaded = loadConfig({ cwd: folder.path, env: { CARILLON_WORKERS: '3' }, flags: { port: '0' } });
    const printed = renderConfig(loaded);
    expect(printed).toContain('node: bells # carillon.yaml:1\n');
    expect(printed).toContain('workers: 3 # CARILLON_WORKERS\n');
    expect(printed).toContain('\nport: 0 # --port\n');
    expect(printed).toContain(`
  chat:
    urls:
      - /a # carillon.yaml:4
      - /b # carillon.yaml:4
    auth:
      type: token # carillon.yaml:5
      secret: "********" # carillon.yaml:5
      cookie: carillon_token # default
`);
    expect(printed).toContain('    urls: [] # default\n');
    expect(printed).toContain('    logs: {} # carillon.yaml:6\n');
    expect(printed).not.toContain('thirty-two');
    expect(parse(printed)).toEqual(maskSecrets(loaded.config));
  });

  it('shows what is not secret in an auth section', () => {
    const auth = { type: 'basic', realm: 'Bells', users: { alice: 'x' } };
    expect(maskSecrets({ apps: { chat: { auth } } })).toEqual({
      apps: { chat: { auth: { type: 'basic', realm: 'Bells', users: { alice: mask } } } },
    });
  });
});
