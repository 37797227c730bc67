/** One function of an ONNX model in the place of another: the weights stay, what is computed of them changes. */

const FUNCTIONS = 25; // ModelProto's field
const [VARINT, BYTES] = [0, 2]; // the kinds of field that ModelProto has

/**
 * `model`, a ModelProto, with the functions of `other`, a ModelProto that has nothing else. Two such messages one after
 * the other are both in one. Throws where `model` is none.
 */
export function exchangeFunctions(model: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = model[at++];
      if (byte === undefined) throw new Error("the model ends within a number");
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < model.length) {
    const start = at;
    const key = varint();
    if (key % 8 === BYTES) {
      const length = varint();
      at += length;
    } else if (key % 8 === VARINT) varint();
    else throw new Error(`a field of kind ${key % 8} is none of an ONNX model's`);
    if (Math.floor(key / 8) !== FUNCTIONS) parts.push(model.subarray(start, at));
  }
  const made = new Uint8Array([...parts, other].reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of [...parts, other]) {
    made.set(part, filled);
    filled += part.length;
  }
  return made;
}
