// Tells what a file is from its first bytes, as services/imaging/imaging/decode.py does: names and types may lie.

const SIGNATURES = [
  ["\xff\xd8\xff", "image/jpeg"],
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["GIF87a", "image/gif"],
  ["GIF89a", "image/gif"],
];
const BRANDS = new Map([
  ...["avif", "avis"].map((brand) => [brand, "image/avif"]),
  ...["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"].map((brand) => [brand, "image/heic"]),
]);
const ANY_CODING = ["mif1", "msf1"];
const MAX_BRANDS_BYTES = 256;

/** The type of the picture in a file, "" when it is none. Throws a DOMException when the file cannot be read. */
export async function pictureType(file) {
  const bytes = await file.slice(0, MAX_BRANDS_BYTES).arrayBuffer();
  const text = String.fromCharCode(...new Uint8Array(bytes));
  const found = SIGNATURES.find(([signature]) => text.startsWith(signature));
  if (found) return found[1];
  if (text.startsWith("RIFF") && text.startsWith("WEBP", 8)) return "image/webp";
  if (!text.startsWith("ftyp", 4)) return "";
  // A box of brands: the major one, its version, compatible ones.
  const end = Math.min(new DataView(bytes).getUint32(0), text.length);
  const brands = [text.slice(8, 12)];
  for (let start = 16; start < end; start += 4) brands.push(text.slice(start, start + 4));
  const known = brands.find((brand) => BRANDS.has(brand));
  if (known) return BRANDS.get(known);
  return brands.some((brand) => ANY_CODING.includes(brand)) ? "image/heif" : "";
}
