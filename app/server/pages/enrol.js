// Enrol somebody: from the camera, led by the coach of the server, or from photographs.
import { h, field, problem, announce, ask, capital } from "./dom.js";
import { call, here } from "./api.js";
import { Camera } from "./camera.js";
import { LOOKS, boxed, posing, thumbnail } from "./looks.js";
import { fromPhotographs } from "./photographs.js";
import { onPaste } from "./picture.js";
import { presence } from "./verdict.js";

const REASONS = { near_duplicate: "too much alike", not_asked: "another look was asked for",
  no_face: "no face", one_person: "several people", closer: "too far away", further: "too close",
  centre: "not whole in the picture", too_dark: "too dark", too_bright: "too bright",
  blurred: "blurred", other_person: "another person", straight: "not upright" };
const STEP_MS = 80;
const DIRECTIONS = { straight: "straight", left: "to your left", right: "to your right", up: "up", down: "down" };

export function enrol(main) {
  const name = h("input", { autocomplete: "off", maxlength: 128, required: true });
  const result = h("div", { "aria-live": "polite", tabindex: "-1", class: "result" });
  const camera = new Camera();
  const overlay = h("canvas", { "aria-hidden": "true", class: "mirror" });
  const say = h("div", { class: "say", hidden: true });
  const empty = h("p", { class: "empty" }, "The camera starts when you press the button. Your pictures go to this server only, and none is kept.");
  const stage = h("div", { class: "stage" }, camera.video, overlay, empty, say);
  const start = h("button", { class: "main", type: "submit" }, "Start the camera");
  const cancel = h("button", { type: "button", hidden: true, onclick: () => end("Cancelled. Nothing was kept.") }, "Cancel");
  const ring = posing();
  const thumbs = h("ul", { class: "thumbs", "aria-label": "Pictures that will be kept" });
  const count = h("p", { class: "quiet small" });
  const outs = h("p", { class: "quiet small" });
  let session = null, socket = null, sent = new Map(), number = 0, said = "", sentAt = 0;
  let saving = null;  // while a save is not answered: whether a duplicate was allowed

  const form = h("form", { onsubmit: (event) => { event.preventDefault(); begin(); } },
    h("div", { class: "asked" }, field("Name of the person", name), camera.picker), h("div", { class: "row" }, start, cancel));

  function blank(frames = 8) {
    thumbs.replaceChildren(...Array.from({ length: frames }, () => h("li")));
    count.textContent = `0 of ${frames} pictures chosen`;
    outs.textContent = "";
    ring.show([], null);
  }

  async function begin() {
    if (session) return;
    result.replaceChildren();
    start.disabled = true;
    try {
      if (!name.value.trim()) { name.focus(); throw new Error("Give the person a name first"); }
      const { consent } = await call("GET", "/settings");
      if (consent.needed && !await ask("Do you agree?", consent.text, { action: "I agree" })) return;
      await camera.start();
      session = await call("POST", here("/sessions"), { json: { name: name.value,
        consent_version: consent.needed ? consent.version : null } });
    } catch (error) {
      camera.stop();
      result.replaceChildren(problem(error));
      return;
    } finally { start.disabled = false; }
    empty.hidden = start.hidden = true;
    say.hidden = cancel.hidden = false;
    name.readOnly = true;
    sent = new Map();
    number = 0;
    blank(session.frames);
    tell("Look into the camera");
    stage.scrollIntoView({ block: "nearest" });
    connect();
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/api/v1/sessions/${session.id}/stream?nonce=${session.nonce}`);
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => { opened = true; send(); };
    socket.onmessage = (event) => hear(JSON.parse(event.data));
    socket.onclose = () => {
      if (!session) return;
      if (saving !== null) { socket = null; postSave(saving); }
      else if (opened) end("The connection was lost. Nothing was kept: start again.", true);
      else { socket = null; post(); }
    };
  }

  async function next() {
    const blob = camera.running ? await camera.frame() : null;
    if (!blob) return null;
    number += 1;
    sent.set(number, thumbnail(camera.canvas));
    return blob;
  }

  async function send() {
    if (!session) return;
    const blob = await next();
    if (!blob) { setTimeout(send, 100); return; }
    sentAt = performance.now();
    if (socket?.readyState === WebSocket.OPEN) socket.send(await blob.arrayBuffer());
  }

  // Where something between page and server blocks WebSockets.
  async function post() {
    while (session && !socket) {
      const blob = await next();
      if (!blob) { await pause(100); continue; }
      try {
        const answer = await call("POST", `/sessions/${session.id}/frames`, { body: blob,
          query: { number }, headers: { "X-Facegate-Nonce": session.nonce } });
        if (await take(answer)) return;
      } catch (error) {
        if (error.status === 429 || error.status === 503 || error.status === 422) await pause(700);
        else { end(problem(error), true); return; }
      }
      await pause(STEP_MS);
    }
  }

  async function hear(answer) {
    if (answer.saved) { done(answer.saved); return; }
    if (answer.error) {
      const wasSaving = saving;
      saving = null;
      if (answer.error.code === "conflict") { await duplicate(answer.error); return; }
      if (wasSaving !== null && ["busy", "deadline"].includes(answer.error.code)) {
        setTimeout(() => save(wasSaving), 1000);
        return;
      }
      if (wasSaving !== null || ["session_over", "not_ready", "disk_full"].includes(answer.error.code)) {
        end(problem(answer.error), true);
        return;
      }
      setTimeout(send, 300);
      return;
    }
    if (!await take(answer)) setTimeout(send, Math.max(0, STEP_MS - (performance.now() - sentAt)));
  }

  async function take(answer) {
    if (!session) return true;
    show(answer);
    if (answer.state === "failed") {
      end(problem({ message: `${name.value} was not enrolled: ${missing(answer)}`, hint: "start again, alone and in good light" }), true);
      return true;
    }
    if (answer.state !== "done") return false;
    camera.stop();
    if (answer.conflicts.length) await duplicate({ message: `this face looks like ${answer.conflicts[0].identity.name}, who is enrolled` });
    else await save(false);
    return true;
  }

  function missing(answer) {
    if (answer.instruction === "other_person") return "the face changed to another person's";
    const looks = LOOKS.filter((look) => !answer.covered.includes(look));
    if (!looks.length) return "too few pictures were good enough";
    return `in ${session.limit_s} seconds you were not seen looking ${looks.map((look) => DIRECTIONS[look]).join(", ")}`;
  }

  async function duplicate(error) {
    camera.stop();
    const wanted = await ask("Is this somebody else?", `${capital(error.message)}. Save it as ${name.value} all the same?`,
      { action: `Save as ${name.value}` });
    if (!session) return;  // it ended while this was asked
    if (wanted) await save(true);
    else end("Cancelled. Nothing was kept.");
  }

  async function save(allowed) {
    if (!session) return;
    tell("Saving …");
    saving = allowed;
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ do: "save", allow_duplicate: allowed }));
    else { socket = null; await postSave(allowed); }
  }

  // Without a WebSocket, and where it was lost before its answer: what was saved is not saved twice.
  async function postSave(allowed) {
    try {
      done(await call("POST", `/sessions/${session.id}/save`, { json: { allow_duplicate: allowed },
        headers: { "X-Facegate-Nonce": session.nonce } }));
    } catch (error) {
      if (error.status === 0) end(`The connection was lost while saving. Look under Gallery whether ${name.value} is enrolled.`, true);
      else if (error.code === "conflict") await duplicate(error);
      else end(problem(error), true);
    }
  }

  function done(saved) {
    const who = saved.identity?.name ?? name.value;
    end(h("div", { class: "verdict match" }, h("strong", {}, `${who} is enrolled`),
      h("p", {}, `${saved.kept} of ${saved.samples} pictures became templates. The pictures themselves were not kept.`),
      presence(saved.presentation) ? h("p", {}, presence(saved.presentation)) : null,
      h("p", {}, h("a", { href: "#/identify" }, "Try it: identify a photograph"))), false, { next: "Enrol somebody else", isSaved: true });
    name.value = "";
    announce(`${who} is enrolled`);
  }

  function end(message, failed = false, { next = "Start again", isSaved = false } = {}) {
    const over = session;
    session = saving = null;
    if (over && !socket && !failed && !isSaved) {
      call("DELETE", `/sessions/${over.id}`, { headers: { "X-Facegate-Nonce": over.nonce } }).catch(() => {});
    }
    socket?.close();
    socket = null;
    camera.stop();
    overlay.getContext("2d").clearRect(0, 0, overlay.width, overlay.height);
    empty.hidden = start.hidden = false;
    say.hidden = cancel.hidden = true;
    name.readOnly = false;
    result.replaceChildren(typeof message === "string" ? h("div", { class: failed ? "note bad" : "note", role: "status" }, message) : message);
    result.focus();
    result.scrollIntoView({ block: "center" });
    start.textContent = next;
  }

  function tell(text) {
    say.textContent = text;
    if (text !== said) announce(text);
    said = text;
  }

  function show(answer) {
    tell(answer.text);
    // Before straight is known it is asked for, whatever comes after it.
    ring.show(answer.covered, LOOKS.includes(answer.instruction) ? answer.instruction : answer.wanted);
    thumbs.replaceChildren(...Array.from({ length: answer.wanted_frames }, (_, i) => {
      const picture = sent.get(answer.kept[i]);
      if (picture) picture.setAttribute("aria-label", `Picture ${i + 1}`);
      return h("li", {}, picture ?? null);
    }));
    for (const key of sent.keys()) if (key < answer.frame - 60 && !answer.kept.includes(key)) sent.delete(key);
    count.textContent = `${answer.kept.length} of ${answer.wanted_frames} pictures chosen; ${Math.ceil(answer.seconds_left)} s left`;
    const reasons = Object.entries(answer.left_out).slice(0, 3).map(([word, n]) => `${n} ${REASONS[word] ?? word}`);
    outs.textContent = reasons.length ? `Not kept: ${reasons.join(", ")}.` : "";
    boxed(overlay, camera.canvas, answer.face, answer.refused);
  }

  const photographs = fromPhotographs();
  const unpaste = onPaste(photographs.take);
  blank();
  main.append(h("h1", {}, "Enrol"),
    h("p", { class: "lead" }, "Give a name to a face. You are asked to look in five directions, which takes about half a minute."),
    result, h("div", { class: "two" },
      h("section", { class: "card", "aria-label": "Camera" }, form, stage),
      h("section", { class: "card", "aria-label": "Progress" }, ring.element, ring.list,
        h("h2", {}, "Will be kept"), thumbs, count, outs)),
    photographs.element);
  const cameraGone = () => { if (session) end("The camera stopped because the page was hidden or the camera was unplugged. Nothing was kept.", true); };
  camera.ended = cameraGone;
  return () => { unpaste(); photographs.stop(); if (session) end("Cancelled."); camera.stop(); };
}

function pause(ms) { return new Promise((done) => setTimeout(done, ms)); }

