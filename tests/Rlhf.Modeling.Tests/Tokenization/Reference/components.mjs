// Writes components.json: what the reference library (npm tokenizers 0.23.2, the Rust code of Hugging Face) gives for every component of
// tokenizer.json. In a folder with the package installed: NODE_PATH=node_modules node components.mjs > components.json
import { createRequire } from 'module';

const { Tokenizer } = createRequire(process.cwd() + '/')('tokenizers');
const texts = ['', ' ', 'Hello, world!', '  two  spaces ', "I'm don't WE'LL they'Re \u2019s", 'a\tb\r\nc\n\n\nd \u0085e', 'caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m \u212b \u212a',
  '\ufb01 \u2460 \u00bd \u2167 \uff21\uff22 \u3000x', '\uac00\uac01 \u1100\u1161\u11a8', '\u4f60\u597d\u4e16\u754c abc\u4e2d\u6587', '\u{1d518}\u{1d52b} \u{10400}\u{10428} \u{1d7d8}\u{1d7d9}', '\ud83d\udc4d\ud83c\udffd end \ud83c\udde8\ud83c\udded',
  '\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947', '123 4567 89.01 \u0663\u0664 x1y22', '_under_score__ a_b', '\u2581already\u2581here', '\u00a0\u2003nbsp\u200b\u200d\ufeff',
  'ctl\u0000\u0007\u0001 \ufffd\u00ad', '\u0130 I \u1e9e \u03a3\u03c2 \u017f', '[CLS] sep [SEP][MASK]', 'a<s>b </s> c<unk>', 'x-y/z.q?r!s', '\u00bfqu\u00e9? \u00abno\u00bb \u201csi\u201d', '$1+2=3 ^` ~|',
  'unknownword hello hellohello', "d'accord s's ss'", 'a\u0301\u0323b\u0345\u0301', '\u0e44\u0e17\u0e22\u0e01\u0e33', 'x'.repeat(120), '\u30a2\u3042\u30fc \uff71', '\u{20000}\u{2a6d6}', '\u00df\u1e9e\ufb06', '0\u20e3 \u2122 \u24b6'];

// A double-array trie in the layout of darts-clone, placed greedily: enough for a few rules.
function charsMap(rules) {
  let blob = [];
  const keys = Object.entries(rules).map(([key, value]) => {
    const at = blob.length;
    blob = blob.concat([...Buffer.from(value)], 0);
    return { key: [...Buffer.from(key)], at };
  });
  const units = new Map();
  const used = new Set([0]);
  const place = (node, entries, depth) => {
    const labels = [...new Set(entries.filter((e) => e.key.length > depth).map((e) => e.key[depth]))];
    const leaf = entries.find((e) => e.key.length === depth);
    const all = leaf ? [0, ...labels] : labels;
    let base = 1;
    while (all.some((l) => used.has(base ^ l)) || (node ^ base) >= 1 << 21 || (node ^ base) === 0) base++;
    all.forEach((l) => used.add(base ^ l));
    const unit = units.get(node) ?? 0;
    units.set(node, (unit | (((node ^ base) << 10) >>> 0) | (leaf ? 1 << 8 : 0)) >>> 0);
    if (leaf) units.set(base, (leaf.at | 0x80000000) >>> 0);
    labels.forEach((l) => units.set(base ^ l, l));
    labels.forEach((l) => place(base ^ l, entries.filter((e) => e.key[depth] === l), depth + 1));
  };
  place(0, keys, 0);
  const size = Math.max(...units.keys()) + 256;
  const data = Buffer.alloc(4 + 4 * size + blob.length);
  data.writeUInt32LE(4 * size, 0);
  for (const [at, unit] of units) data.writeUInt32LE(unit, 4 + 4 * at);
  Buffer.from(blob).copy(data, 4 + 4 * size);
  return data.toString('base64');
}

const regex = (Regex, behavior, invert = false) => ({ type: 'Split', pattern: { Regex }, behavior, invert });
const literal = (String, behavior, invert = false) => ({ type: 'Split', pattern: { String }, behavior, invert });
const sequence = (...pretokenizers) => ({ type: 'Sequence', pretokenizers });
const byteLevel = (add_prefix_space, use_regex) => ({ type: 'ByteLevel', add_prefix_space, trim_offsets: true, use_regex });
const digits = (individual_digits) => ({ type: 'Digits', individual_digits });
const punctuation = (behavior) => ({ type: 'Punctuation', behavior });
const metaspace = (prepend_scheme, split) => ({ type: 'Metaspace', replacement: '\u2581', prepend_scheme, split });

const normalizers = [{ type: 'NFC' }, { type: 'NFD' }, { type: 'NFKC' }, { type: 'NFKD' }, { type: 'Lowercase' }, { type: 'StripAccents' },
  { type: 'Sequence', normalizers: [{ type: 'NFD' }, { type: 'StripAccents' }, { type: 'Lowercase' }] }, { type: 'Strip', strip_left: true, strip_right: true },
  { type: 'Strip', strip_left: false, strip_right: true }, { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' $0' },
  { type: 'Replace', pattern: { Regex: '[\\p{Han}]|(?<=a)b' }, content: '' }, { type: 'Prepend', prepend: '\u2581' }, { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: false, strip_accents: null, lowercase: false }, { type: 'BertNormalizer', clean_text: false, handle_chinese_chars: true, strip_accents: true, lowercase: false },
  { type: 'ByteLevel' }, { type: 'Precompiled', precompiled_charsmap: charsMap({ '\ufb01': 'fi', '\u2460': '1', '\u3000': ' ', '\u00a0': ' ', 'e\u0301': '\u00e9', '\u212b': '\u00c5', '\u0007': '', '\uff21': 'A', '\u{1d518}': 'U' }) }];

const preTokenizers = [byteLevel(false, true), byteLevel(true, true), byteLevel(false, false), { type: 'Whitespace' }, { type: 'WhitespaceSplit' }, digits(true), digits(false),
  ...['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'].flatMap((b) => [punctuation(b), literal(' ', b), regex('\\p{L}+|\\s', b), regex('[a-z0-9]', b, true)]),
  { type: 'BertPreTokenizer' }, { type: 'CharDelimiterSplit', delimiter: '_' }, metaspace('always', true), metaspace('first', true), metaspace('never', true), metaspace('always', false),
  sequence(punctuation('Contiguous'), byteLevel(false, true), digits(false), regex('[0-9][0-9][0-9]', 'Isolated')), sequence({ type: 'WhitespaceSplit' }, metaspace('always', true)),
  sequence(regex('\\p{N}{1,3}', 'Isolated'), regex('[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+', 'Isolated'), byteLevel(false, false)),
  regex('[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:\'s|\'t|\'re)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+', 'Isolated'),
  regex('(?i)[A-C]+|straSSe|k|\\u017F', 'Isolated'), regex('^.|.$', 'Isolated'), regex('\\bw?\\w\\b', 'Isolated'), regex('[\\p{L}&&[^a-m]]+', 'Isolated'), regex('\\P{L}{2,3}?', 'Isolated'), regex('(?>a+|\\d++)[^[:space:]]', 'Isolated'),
  regex('[\\x{1D400}-\\x{1D7FF}\\p{So}]+', 'Isolated'), regex('(?:[^\\S\\n]|\\p{^Alpha}){2}', 'Isolated'), regex("'(?:[sdmt]|ll|ve|re)|[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+", 'Isolated')];

const base = { version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
const special = (id, content, options = {}) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...options });
const vocabulary = (...tokens) => Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]));
const letters = [...'abcdefghijklmnopqrstuvwxyz'];
const bert = vocabulary('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'hello', 'world', '##hello', 'wor', '##ld', 'a', '##b', 'un', '##known', '##word', ',', '!', '.', "'", 's', 'd', '\u4f60', '\u597d', '##\u00e9', 'caf', 'cafe', '1', '##2', '##3', ...letters.filter((l) => !'asd'.includes(l)).map((l) => '##' + l));
const bytes = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`);
const pieces = ['<unk>', '<s>', '</s>', '\u2581', '\u2581hello', 'hello', '\u2581world', 'he', 'll', 'o', 'h', 'e', 'l', 'w', 'or', 'ld', 'a', 'b', '\u2581a', 'c', '\u00e9', 'd', 'un', 'known', 'word', '1', '2', '12', '\u4f60\u597d', 's', 'x', 'xx', 'xxxx'].map((p, i) => [p, i < 3 ? 0 : -1.25 - ((i * 7) % 13) / 3]);
const bpeMerges = ['h e', 'l l', 'he ll', 'hell o', 'a b', '\u2581 hello', 'x x', 'xx xx'];
const bpeVocabulary = ['<unk>', '<s>', '</s>', ...bytes, '\u2581', ...letters, 'he', 'll', 'hell', 'hello', 'ab', '\u2581hello', 'xx', 'xxxx'];
const spDecoder = { type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '\u2581' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] };
const template = { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }], pair: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } },
  { SpecialToken: { id: '</s>', type_id: 1 } }, { Sequence: { id: 'B', type_id: 1 } }], special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] }, '</s>': { id: '</s>', ids: [2], tokens: ['</s>'] } } };
const bpe = (options) => ({ type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab: vocabulary(...bpeVocabulary), merges: bpeMerges, ...options });
const tokenizers = {
  bert: { ...base, added_tokens: [0, 1, 2, 3, 4].map((id) => special(id, ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'][id])), normalizer: normalizers[13], pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] }, decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: bert } },
  unigram: { ...base, added_tokens: [special(1, '<s>'), special(2, '</s>')], normalizer: { type: 'NFKC' }, pre_tokenizer: metaspace('always', true), post_processor: template, decoder: metaspace('always', true),
    model: { type: 'Unigram', unk_id: 0, vocab: pieces, byte_fallback: false } },
  unigramBytes: { ...base, pre_tokenizer: metaspace('first', true), decoder: spDecoder, model: { type: 'Unigram', unk_id: 0, vocab: [...pieces, ...bytes.map((b) => [b, 0])], byte_fallback: true } },
  bpeFallback: { ...base, added_tokens: [special(1, '<s>'), special(2, '</s>'), special(0, '<unk>')], normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '\u2581' }, normalizers[9]] },
    post_processor: template, decoder: spDecoder, model: bpe({ byte_fallback: true, fuse_unk: true }) },
  bpeUnknown: { ...base, model: bpe({}), pre_tokenizer: { type: 'WhitespaceSplit' } },
  bpeFused: { ...base, model: bpe({ fuse_unk: true, ignore_merges: true }), pre_tokenizer: { type: 'WhitespaceSplit' } },
  bpeNothing: { ...base, model: bpe({ unk_token: null }), pre_tokenizer: { type: 'Whitespace' }, decoder: { type: 'Fuse' } },
  clip: { ...base, normalizer: { type: 'Lowercase' }, pre_tokenizer: { type: 'WhitespaceSplit' }, decoder: { type: 'BPEDecoder', suffix: '</w>' }, post_processor: { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 1], trim_offsets: true, add_prefix_space: false },
    model: bpe({ end_of_word_suffix: '</w>', vocab: vocabulary('<unk>', '<s>', '</s>', ...letters, ...letters.map((l) => l + '</w>'), 'he', 'll', 'hell', 'hello</w>', 'ab</w>'), merges: ['h e', 'l l', 'he ll', 'hell o</w>', 'a b</w>'] }) },
  subwordPrefix: { ...base, pre_tokenizer: { type: 'WhitespaceSplit' }, decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
    model: bpe({ continuing_subword_prefix: '##', vocab: vocabulary('<unk>', ...letters, ...letters.map((l) => '##' + l), 'he', '##ll', 'hell', 'hello'), merges: ['h ##e', '##l ##l', 'he ##ll', 'hell ##o'] }) },
  wordLevel: { ...base, pre_tokenizer: { type: 'Whitespace' }, model: { type: 'WordLevel', unk_token: '[UNK]', vocab: bert },
    added_tokens: [special(40, 'hello', { single_word: true, special: false }), special(41, '[MASK]', { lstrip: true }), special(0, '<s>', { rstrip: true }), special(1, 'WORLD', { normalized: true, special: false })].map((t) => ({ ...t, id: bert[t.content] ?? t.id + Object.keys(bert).length })),
    normalizer: { type: 'Lowercase' } },
  digitsInBytes: { ...base, pre_tokenizer: sequence(digits(true), byteLevel(true, true)), decoder: byteLevel(true, true), model: bpe({ vocab: vocabulary(...Array.from({ length: 256 }, (_, i) => i).filter((b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174).map((b) => String.fromCharCode(b)), ...Array.from({ length: 68 }, (_, i) => String.fromCharCode(256 + i)), 'he', 'll', 'hell', 'hello'), merges: bpeMerges.slice(0, 4), unk_token: null }) },
};

const random = ((seed) => (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return (seed >> 8) % n; })(7);
const out = { made_with: 'npm tokenizers 0.23.2', texts, normalizers: [], preTokenizers: [], tokenizers: {} };
const holder = (part) => Tokenizer.fromString(JSON.stringify({ ...base, model: { type: 'WordLevel', unk_token: 'a', vocab: { a: 0 } }, ...part }));
for (const config of normalizers) {
  out.normalizers.push({ config, outputs: texts.map((text) => holder({ normalizer: config }).getNormalizer().normalizeString(text)) });
}
for (const config of preTokenizers) {
  out.preTokenizers.push({ config, outputs: texts.map((text) => holder({ pre_tokenizer: config }).getPreTokenizer().preTokenizeString(text).map(([piece]) => piece)) });
}
for (const [name, config] of Object.entries(tokenizers)) {
  const tokenizer = Tokenizer.fromString(JSON.stringify(config));
  const size = Math.max(...Object.values(tokenizer.getVocab(true))) + 1;
  const entry = { config, ids: [], pairs: [], decode: [] };
  for (const text of texts) {
    entry.ids.push((await tokenizer.encode(text)).getIds());
    const pair = await tokenizer.encode(text, 'hello a');
    entry.pairs.push([pair.getIds(), pair.getTypeIds()]);
  }
  for (let i = 0; i < 40; i++) {
    const ids = Array.from({ length: 1 + random(10) }, () => random(size)).filter((id) => tokenizer.idToToken(id) !== null);
    entry.decode.push([ids, await tokenizer.decode(ids, false), await tokenizer.decode(ids, true)]);
  }
  out.tokenizers[name] = entry;
}
process.stdout.write(JSON.stringify(out), () => process.exit(0));
