// Aqua sources, compiled by the published compiler and run by the js-client.

import { compileFromPath } from "@fluencelabs/aqua-api";
import { join } from "node:path";
import { run } from "./client.mjs";

const PACKAGES = join(import.meta.dirname, "node_modules");
const SPELL = join(PACKAGES, "@fluencelabs", "spell");

/** Compiles a file of this folder; gives its exported functions' AIR by name. */
export async function compile(file) {
  const { errors, functions } = await compileFromPath({
    filePath: join(import.meta.dirname, file),
    // One of the packages has a library of its own in another version.
    imports: { "/": { "": [PACKAGES] }, [SPELL]: { "": [join(SPELL, "node_modules"), PACKAGES] } },
  });
  if (errors.length > 0) {
    throw new Error(errors.join("\n"));
  }
  return Object.fromEntries(Object.entries(functions).map(([name, { script }]) => [name, script]));
}

/** Makes a function of each script: `app.save(client, {name, path, text})`. */
export function application(scripts) {
  return Object.fromEntries(
    Object.entries(scripts).map(([name, script]) => [name, (client, args) => run(client, script, args)]),
  );
}
