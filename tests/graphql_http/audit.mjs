// Audits the GraphQL server at a URL: `node audit.mjs URL`. Prints every audit; exits 1 if one does not pass.
import { serverAudits } from "graphql-http";

const CONCURRENCY = 8;
const EXPECTED_AUDITS = 61;

const url = process.argv[2];
if (!url) {
  console.error("Usage: node audit.mjs URL");
  process.exit(2);
}

const audits = serverAudits({ url });
const results = [];
try {
  await fetch(url, { method: "POST", body: "" });
} catch (error) {
  console.error(`No server answers at ${url}: ${error.cause?.message ?? error.message}`);
  process.exit(2);
}
for (let start = 0; start < audits.length; start += CONCURRENCY) {
  results.push(...(await Promise.all(audits.slice(start, start + CONCURRENCY).map((audit) => audit.fn()))));
}

for (const result of results) {
  const mark = result.status === "ok" ? "ok  " : result.status.toUpperCase();
  console.log(`${mark}  ${result.id}  ${result.name}${result.reason ? `\n        ${result.reason}` : ""}`);
}
const passed = results.filter((result) => result.status === "ok").length;
const failed = results.length - passed;
console.log(`${passed} passed, ${failed} failed`);
if (results.length !== EXPECTED_AUDITS) console.log(`Expected ${EXPECTED_AUDITS} audits, found ${results.length}.`);
process.exit(failed || results.length !== EXPECTED_AUDITS ? 1 : 0);
