// The reference library (npm tokenizers, the Rust code of Hugging Face) on the same text: node baseline.mjs TOKENIZER.json TEXT REPETITIONS
// Prints one JSON line: seconds per encoding and decoding. The whole text is one call, hence one thread, as in the C# rows.
import { createRequire } from 'module';
import { readFileSync } from 'fs';
import { join } from 'path';

const { Tokenizer } = createRequire(join(process.env.RLHF_NODE_MODULES ?? process.cwd(), 'x.js'))('tokenizers');
const [file, text, repetitions] = process.argv.slice(2);
const tokenizer = Tokenizer.fromFile(file);
const content = readFileSync(text, 'utf8');
const encode = [];
const decode = [];
for (let i = 0; i < Number(repetitions) + 1; i++) {
  let start = process.hrtime.bigint();
  const encoding = await tokenizer.encode(content, null, { addSpecialTokens: false });
  const middle = process.hrtime.bigint();
  const ids = encoding.getIds();
  const before = process.hrtime.bigint();
  await tokenizer.decode(ids, false);
  const end = process.hrtime.bigint();
  if (i > 0) {
    encode.push(Number(middle - start) / 1e9);
    decode.push(Number(end - before) / 1e9);
  }
}
console.log(JSON.stringify({ encode, decode }));
process.exit(0);
