// The generator of hey.ts: one client a document, as modules of Node.
export default ["chirp.yaml", "control.json"].map((input) => ({
  input,
  output: { path: input.split(".")[0], module: { extension: ".js" } },
}));
