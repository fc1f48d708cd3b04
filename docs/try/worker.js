// Python in a worker, so that the page answers while a program runs, and can stop it.
//
// It is sent the text of a program. It sends ["loading", what, step, steps], ["ready"],
// ["fetching", package], ["text" | "svg" | "html" | "error", content] and ["done"]; ["broken", why]
// if Python itself gave up, which only a new worker mends.

import { instance } from "./viz.js";
import { loadPyodide, version } from "./pyodide/pyodide.mjs";

const ELSEWHERE = `https://cdn.jsdelivr.net/pyodide/v${version}/full/`; // where Pyodide keeps packages
const STEPS = ["Python (13 MB)", "autograd-core", "autograd-core into Python"];

const send = (...message) => postMessage(message);
const loads = (step) => send("loading", STEPS[step], step + 1, STEPS.length);

async function bytes(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name} could not be loaded: ${answer.status}`);
  return answer.arrayBuffer();
}

async function start() {
  loads(0);
  const names = JSON.parse(new TextDecoder().decode(await bytes("files.json"))).wheels;
  const [python, viz, runner, ...wheels] = await Promise.all([
    loadPyodide({ indexURL: new URL("pyodide/", location.href).href, packageBaseUrl: ELSEWHERE }),
    instance(),
    bytes("run.py"),
    ...names.map(bytes),
  ]);
  loads(1);
  const extractDir = python.runPython("import site; site.getsitepackages()[0]");
  for (const wheel of wheels) python.unpackArchive(wheel, "wheel", { extractDir });
  python.FS.writeFile(`${extractDir}/run_program.py`, new Uint8Array(runner));
  python.globals.set("svg", (source) => viz.renderString(source, { format: "svg" }));
  loads(2);
  const run = python.runPython(`
    import autograd_core, nn, viz.render
    from run_program import run

    def graphviz(source, format, svg=svg):
        if format != "svg":
            raise ValueError(f"this page draws svg alone, not {format}")
        return svg(source).encode()

    viz.render.use(graphviz)
    run`);
  return { python, run };
}

/** Fetch what the program imports and Pyodide has, such as NumPy. */
async function fetchImports(python, text) {
  const errors = [];
  const messageCallback = (said) => said.startsWith("Loading ") && send("fetching", said.slice(8));
  const errorCallback = (said) => errors.push(said);
  await python.loadPackagesFromImports(text, { messageCallback, errorCallback }).catch(errorCallback);
  if (errors.length) {
    send("error", `What the program imports could not be fetched from ${ELSEWHERE}: is there a network?\n`);
  }
}

const broken = (error) => send("broken", String(error?.message ?? error));

const ready = start();
ready.then(() => send("ready"), broken);
onmessage = async ({ data: text }) => {
  const { python, run } = await ready;
  await fetchImports(python, text);
  try {
    run(text, send);
    send("done");
  } catch (error) {
    broken(error);
  }
};
