// What was changed, when, by which key; each line can be taken back.
import { h, problem, toast, when } from "./dom.js";
import { call, here } from "./api.js";

export function activity(main) {
  const list = h("div", { class: "card", "aria-live": "polite" });

  async function load() {
    try {
      const { operations } = await call("GET", here("/operations"), { query: { limit: 100 } });
      if (!operations.length) {
        list.replaceChildren(h("div", { class: "empty-state" }, h("h2", {}, "Nothing has happened yet"),
          h("p", {}, "Changes of the gallery are listed here.")));
        return;
      }
      list.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ["When", "What", "By", ""].map((text, i) =>
        h("th", { scope: "col", class: i === 3 ? "end" : i === 2 ? "wide" : "" }, text || h("span", { class: "unseen" }, "Undo"))))),
      h("tbody", {}, operations.map((line) => h("tr", { class: line.undone_by ? "undone" : "" },
        h("td", {}, when(line.at)), h("td", {}, line.text + (line.undone_by ? " (undone)" : "")), h("td", { class: "wide" }, line.actor),
        h("td", { class: "end" }, line.undone_by || ["erase", "undo", "restore"].includes(line.kind) ? null
          : h("button", { class: "plain", type: "button", "aria-label": `Undo: ${line.text}`, onclick: () => undo(line) }, "Undo")))))));
    } catch (error) { list.replaceChildren(problem(error)); }
  }

  async function undo(line) {
    try {
      await call("POST", here("/undo"), { json: { number: line.number } });
      toast("Undone");
      await load();
    } catch (error) { list.prepend(problem(error)); }
  }

  main.append(h("h1", {}, "Activity"), h("p", { class: "lead" }, "What was changed, newest first. Questions leave no line."), list);
  load();
  return () => {};
}
