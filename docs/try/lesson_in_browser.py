# Added by docs/browser.py: Graphviz in JavaScript, which lies beside Pyodide, lays out pictures.
def _graphviz() -> None:
    import asyncio

    from pyodide.code import run_js
    from pyodide.ffi import can_run_sync, run_sync
    from pyodide_js import lockfileBaseUrl

    from viz import Diagram, NoGraphviz, render

    load = run_js("(url) => import(url).then((module) => module.instance())")
    loaded = asyncio.ensure_future(load(f"{lockfileBaseUrl}../viz.js"))
    draw = run_js("(viz, source) => viz.renderString(source, { format: 'svg' })")

    def layout(source: str, format: str) -> bytes:
        if format != "svg":
            raise ValueError(f"a browser draws svg alone, not {format}")
        if not loaded.done() and can_run_sync():
            run_sync(loaded)
        if not loaded.done():
            raise NoGraphviz("Graphviz is still being loaded: run the cell again.")
        return str(draw(loaded.result(), source)).encode()

    render.use(layout)
    Diagram.formats = ("svg",)


_graphviz()
