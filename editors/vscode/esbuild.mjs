// Bundles the extension into one file, so that it is quick to load and brings no node_modules; beside it the licences of
// what it holds.

import { copyFile, readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const { metafile } = await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  minify: true,
  platform: "node",
  target: "node20", // of the first VS Code that it runs in
  format: "cjs",
  external: ["vscode"],
  metafile: true,
  logLevel: "warning",
});

const packages = Object.keys(metafile.inputs).map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
const notices = await Promise.all([...new Set(packages)].filter(Boolean).sort().map(notice));
await writeFile("dist/NOTICE.txt", notices.join("\n"));
await copyFile("../../LICENSE", "LICENSE");

async function notice(folder) {
  const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
  for (const file of ["LICENSE", "LICENSE.md", "License.txt", "LICENSE.txt"]) {
    const text = await readFile(`${folder}/${file}`, "utf8").catch(() => undefined);
    if (text) return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  }
  throw new Error(`${folder} has no licence to pass on`);
}
