// Plain functions: `words` of ../wit/world.wit.

const BYTES_MAX = 1024;

export const words = {
  count(text) {
    if (text.length > BYTES_MAX) {
      throw { tag: "too-long", val: text.length };
    }
    const found = new Map();
    for (const word of text.split(/\s+/).filter(Boolean)) {
      found.set(word, (found.get(word) ?? 0) + 1);
    }
    if (found.size === 0) {
      throw { tag: "empty" };
    }
    return { text, words: [...found] };
  },

  reverse(data) {
    return Uint8Array.from(data).reverse();
  },
};
