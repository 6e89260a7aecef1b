// For tests: one request from within a namespace. ask.mjs URL METHOD PATH HEADERS-JSON BODY-JSON -> {status, body}
import { Client } from '../../demo/lib/http.mjs';
const [, , url, method, path, headers, body] = process.argv;
const client = new Client(url, { headers: JSON.parse(headers), timeoutMs: 15_000 });
try {
  const { status, body: answer } = await client.call(method, path, body ? JSON.parse(body) : undefined);
  console.log(JSON.stringify({ status, body: answer }));
} catch (error) {
  console.log(JSON.stringify({ status: 0, error: error.message }));
}
client.close();
