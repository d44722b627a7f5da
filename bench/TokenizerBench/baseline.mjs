// The reference library (npm tokenizers, the Rust code of Hugging Face) on the same text: node baseline.mjs TOKENIZER.json TEXT REPETITIONS
// Prints one JSON line: seconds per encoding and decoding, by the clock and of processor time. The whole text is one call, hence one thread, as in the C# rows.
import { createRequire } from 'module';
import { readFileSync } from 'fs';
import { join } from 'path';

const { Tokenizer } = createRequire(join(process.env.RLHF_NODE_MODULES ?? process.cwd(), 'x.js'))('tokenizers');
const [file, text, repetitions] = process.argv.slice(2);
const tokenizer = Tokenizer.fromFile(file);
const content = readFileSync(text, 'utf8');
const encode = [];
const decode = [];
const seconds = () => [Number(process.hrtime.bigint()) / 1e9, (process.cpuUsage().user + process.cpuUsage().system) / 1e6];
const since = (start) => seconds().map((now, i) => now - start[i]);
for (let i = 0; i < Number(repetitions) + 1; i++) {
  const first = seconds();
  const encoding = await tokenizer.encode(content, null, { addSpecialTokens: false });
  const encoded = since(first);
  const ids = encoding.getIds();
  const second = seconds();
  await tokenizer.decode(ids, false);
  const decoded = since(second);
  if (i > 0) {
    encode.push(encoded);
    decode.push(decoded);
  }
}
console.log(JSON.stringify({ encode, decode }));
process.exit(0);
