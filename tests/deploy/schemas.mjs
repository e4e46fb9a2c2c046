// SPDX-License-Identifier: Apache-2.0
// What Kubernetes' own API description says against objects. kubernetes-models has it twice:
// as types, with which the compiler finds members that do not exist, and as validators,
// which know ranges, formats and choices.
//
//     schemas.mjs < [object, ...] > [[complaint, ...], ...]
//
// It runs in the folder that it was copied to, beside its node_modules.
import fs from "node:fs";
import path from "node:path";
import ts from "typescript";

const moduleOf = (object) => `kubernetes-models/${object.apiVersion}/${object.kind}`;

function complaintsOfTypes(objects) {
  const folder = fs.mkdtempSync("objects-");
  const files = objects.map((object, i) => {
    const file = path.join(folder, `object${i}.ts`);
    fs.writeFileSync(file, `import type { I${object.kind} } from "${moduleOf(object)}";\n` +
      `export const object: I${object.kind} = ${JSON.stringify(object, null, 1)};\n`);
    return file;
  });
  const program = ts.createProgram(files, {
    strict: true, noEmit: true, skipLibCheck: true, types: [],
    module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
  });
  const all = files.map((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      .map((d) => ts.flattenDiagnosticMessageText(d.messageText, " "));
  });
  fs.rmSync(folder, { recursive: true });
  return all;
}

async function complaintsOfValues(object) {
  try {
    const models = await import(moduleOf(object));
    new models[object.kind](object).validate();
    return [];
  } catch (error) {
    return [String(error.message).split("\n")[0]];
  }
}

const objects = JSON.parse(fs.readFileSync(0, "utf8"));
const types = complaintsOfTypes(objects);
const values = await Promise.all(objects.map(complaintsOfValues));
console.log(JSON.stringify(objects.map((_, i) => [...types[i], ...values[i]])));
