// The scene of the till's page tests: one browser a file, and for each test a node, a device and a till that sells.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, new_device, open_till, real, start_node } from './lib.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** One node, one device, a till that sells; the test body; everything stopped again. */
export function at_till(name, options, body) {
  const skip = (options.mock_only && real) || (options.needs_links && real && !process.env.HF_LOCAL_TOKEN);
  test(name, { skip: skip ? 'needs a switch of the mock' : false, timeout: options.timeout ?? 120_000 }, async () => {
    const node = await start_node(options.node);
    const device = await new_device(browser, options.device);
    try {
      if (!options.closed) await open_till(device.page, node);
      await body({ node, ...device });
      assert.deepEqual(device.errors, [], 'errors on the page');
    } finally {
      await device.context.close();
      await node.stop();
    }
  });
}
export const till_and_n = (receipt) => {
  const [till, series, n] = receipt.split('-');
  return { till, series, n: Number(n) };
};
