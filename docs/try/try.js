// The page: its examples, the program and its keys, and what the worker says of a run.

const [program, run, stop, status, progress, output, examples] = [
  "program", "run", "stop", "status", "progress", "output", "examples",
].map((id) => /** @type {any} */ (document.getElementById(id)));
const INDENT = "    ";

/** @type {Worker | undefined} */
let worker;
let why = ""; // Python is loaded anew
let wanted = true; // a run, as soon as Python is there: the first program runs by itself
/** @type {Record<string, number>} what this run has shown so far */
let shown = {};

/** @param {"loading" | "ready" | "running" | "broken"} state @param {string} text */
function now(state, text) {
  run.disabled = state !== "ready";
  stop.disabled = state !== "running";
  progress.hidden = state !== "loading";
  status.textContent = text;
}

/** Begin with a new Python. @param {string} reason */
function load(reason) {
  why = reason;
  worker?.terminate();
  worker = new Worker("worker.js", { type: "module" });
  worker.onmessage = ({ data: [kind, ...rest] }) => told[kind](...rest);
  worker.onerror = ({ message }) => told.broken(message || "a file of this page cannot be read");
}

function start() {
  wanted = run.disabled && stop.disabled;
  if (run.disabled) return;
  output.replaceChildren();
  shown = {};
  now("running", "Running ...");
  worker?.postMessage(program.value);
}

/** @param {string} noun @param {string} tag */
function add(noun, tag) {
  shown[noun] = (shown[noun] ?? 0) + 1;
  const box = document.createElement(tag);
  box.className = noun;
  output.append(box);
  return box;
}

/** What the worker says. @type {Record<string, (...said: any[]) => void>} */
const told = {
  loading(what, step, steps) {
    progress.value = step - 1;
    progress.max = steps;
    now("loading", `${why}Loading ${what}, ${step} of ${steps} ...`);
  },
  ready() {
    now("ready", `${why}Ready.`);
    if (wanted) start();
  },
  fetching: (what) => now("running", `Fetching ${what} ...`),
  text(text) {
    const last = output.lastElementChild;
    (last?.className === "text" ? last : add("text", "pre")).append(text);
  },
  error: (text) => add("error", "pre").append(text),
  svg(svg) {
    const box = add("picture", "div");
    box.innerHTML = svg.slice(svg.indexOf("<svg"));
    const picture = /** @type {Element} */ (box.firstElementChild);
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", "Picture of the graph; to_text(f) says the same in words");
  },
  html(html) {
    // A fragment made in this way runs the scripts that it holds.
    add("stepper", "div").append(document.createRange().createContextualFragment(html));
  },
  done() {
    for (const box of output.children) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; // to scroll it by keys
    }
    const parts = ["error", "picture", "stepper"].flatMap((noun) => {
      const count = shown[noun];
      return count ? `${count} ${noun}${count > 1 ? "s" : ""}` : [];
    });
    now("ready", parts.length ? `Done: ${parts.join(", ")}.` : "Done.");
  },
  broken(reason) {
    if (stop.disabled) now("broken", `Python could not be loaded: ${reason}`);
    else {
      const hint = /stack/.test(reason) ? " Call release(root) before you drop a very deep graph." : "";
      told.error(`Python itself broke down: ${reason}.${hint}\n`);
      load("Python broke down. ");
    }
  },
};

/** In place of what is selected, so that the browser can undo it. @param {string} text */
function type(text) {
  document.execCommand("insertText", false, text);
}

/** Indent the lines that are selected, or take that back. @param {boolean} back */
function indent(back) {
  const { value, selectionStart: from, selectionEnd: to } = program;
  if (from === to && !back) return type(INDENT.slice((from - value.lastIndexOf("\n", from - 1) - 1) % 4));
  const begin = value.lastIndexOf("\n", from - 1) + 1;
  const end = value.indexOf("\n", Math.max(from, to - 1));
  program.setSelectionRange(begin, end < 0 ? value.length : end);
  const lines = value.slice(begin, end < 0 ? value.length : end);
  const moved = back ? lines.replace(/^ {1,4}/gm, "") : lines.replace(/^(?=.)/gm, INDENT);
  if (moved !== lines) type(moved);
  program.setSelectionRange(begin, begin + moved.length);
}

let leaves = false; // Escape was pressed: the next Tab goes on in the page
program.onkeydown = (/** @type {KeyboardEvent} */ event) => {
  const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
  if (key === "Enter" && (shiftKey || ctrlKey || metaKey)) start();
  else if (key === "Enter" && !event.isComposing) {
    const before = program.value.slice(0, program.selectionStart).split("\n").at(-1);
    type(`\n${/^ */.exec(before)?.[0]}${before.trimEnd().endsWith(":") ? INDENT : ""}`);
  } else if (key === "Tab" && !leaves && !ctrlKey && !metaKey && !altKey) indent(shiftKey);
  else {
    if (key !== "Shift") leaves = key === "Escape";
    return;
  }
  event.preventDefault();
};
program.onblur = () => (leaves = false);
run.onclick = start;
stop.onclick = () => load("Stopped. ");

const kept = program.value; // by the browser, over a reload
for (const { name, title, text } of await (await fetch("examples.json")).json()) {
  const button = document.createElement("button");
  button.textContent = title;
  button.onclick = () => {
    program.focus();
    program.select();
    type(text);
    program.setSelectionRange(0, 0);
    button.focus();
    start();
  };
  examples.append(button);
  if (!kept && (location.hash === `#${name}` || !program.value)) program.value = text;
}
load("");
