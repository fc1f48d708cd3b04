// Python in a worker, so that the page answers while a program runs, and can stop it.
//
// It is sent the text of a program. It sends ["loading", what, step, steps], ["ready"],
// ["fetching", package], ["text" | "svg" | "html" | "error", content] and ["done"]; ["broken", why]
// if Python itself gave up, which only a new worker mends.

import { instance } from "./viz.js";
import { loadPyodide } from "./pyodide/pyodide.mjs";

const STEPS = ["Python (14 MB)", "autograd-core into it"];

const send = (...message) => postMessage(message);
const loads = (step) => send("loading", STEPS[step], step + 1, STEPS.length);

async function start() {
  loads(0);
  const indexURL = new URL("pyodide/", location.href).href;
  const [python, viz, runner] = await Promise.all([
    loadPyodide({ indexURL, packages: ["autograd-core"] }),
    instance(),
    fetch("run.py").then((answer) => answer.text()),
  ]);
  loads(1);
  python.FS.writeFile("run.py", runner);
  python.globals.set("svg", (source) => viz.renderString(source, { format: "svg" }));
  const run = python.runPython(`
    import autograd_core, nn, viz.render
    from run import run

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
    send("error", `What the program imports could not be fetched: is there a network?\n`);
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
