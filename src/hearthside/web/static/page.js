// The little that must happen in the browser: forms, conversation, uploads; what the time axis needs is in time.js. Nothing here loads or stores anything.
"use strict";

window.hearthside = {
  /** Send the field named "words" of a form and empty it. */
  sendWords(event, emit) {
    event.preventDefault();
    const field = event.target.elements.words;
    const send = event.target.querySelector("button[type=submit]");
    if (!field.value.trim() || send.disabled) return;
    emit(field.value);
    field.value = "";
  },

  /** Send all fields of a form; "layer" may be ticked more than once. */
  sendFields(event, emit) {
    event.preventDefault();
    const form = event.target.closest("form");
    const data = new FormData(form);
    emit({ ...Object.fromEntries(data), layer: data.getAll("layer") });
  },
};

// ---- conversation: Enter sends, Shift+Enter breaks the line; the newest words stay in sight -------------------------

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.(".composer-words")) return;
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

function keepNewestInSight() {
  const talk = document.querySelector(".conversation");
  if (!talk || talk.dataset.watched) return;
  talk.dataset.watched = "yes";
  // The newest question goes to the top of the window, so that its answer grows into view; reading back is left alone.
  let shown = 0; // questions asked plus answers ended; anything else that changes moves nothing
  const follow = () => {
    const questions = talk.querySelectorAll(".turn-you");
    const now = questions.length + talk.querySelectorAll(".turn-house .about, .problem").length;
    if (now === shown || !questions.length) return;
    shown = now;
    const newest = questions[questions.length - 1];
    requestAnimationFrame(() => window.scrollTo({ top: newest.getBoundingClientRect().top + window.scrollY - 70 }));
  };
  new MutationObserver(follow).observe(talk, { childList: true, subtree: true });
  follow();
}

// ---- uploads: each file goes straight to this machine's station -----------------------------------------------------

async function upload(zone, files) {
  const state = zone.querySelector(".upload-state");
  // Whose page this is: should another's link have been opened in this browser since, the station refuses.
  const headers = { "X-Hearthside-Page-Of": zone.querySelector("input[data-upload]").dataset.upload };
  const post = async (url, method, body) => {
    const response = await fetch(url, { method, body, headers });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error?.message ?? "The upload failed; nothing was imported.");
    return answer;
  };
  try {
    const { batch } = await post("/api/uploads", "POST");
    let sent = 0;
    for (const file of files) {
      state.textContent = `Sending ${file.name} (${sent + 1} of ${files.length})…`;
      await post(`/api/uploads/${batch}/${encodeURIComponent(file.name)}`, "PUT", file);
      sent += 1;
    }
    await post(`/api/uploads/${batch}/import`, "POST");
    state.textContent = `${sent} ${sent === 1 ? "file" : "files"} received; the import has begun.`;
  } catch (problem) {
    state.textContent = problem.message;
  }
}

document.addEventListener("change", (event) => {
  if (!event.target.matches?.("input[data-upload]")) return;
  const files = [...event.target.files];
  if (files.length) upload(event.target.closest(".upload"), files);
  event.target.value = "";
});

for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    const zone = event.target.closest?.(".upload");
    if (!zone) return;
    event.preventDefault();
    if (kind === "drop" && event.dataTransfer.files.length) upload(zone, [...event.dataTransfer.files]);
  });
}

// ---- several persons, one browser: it is one person's at a time -----------------------------------------------------

const browser = new BroadcastChannel("hearthside-signed-in");
let mine = ""; // whose page this is; "" where one lives alone

/** Tell the other pages of this browser who is signed in now; those of somebody else load themselves anew. */
function sayWhoIsHere() {
  const here = document.querySelector("[data-resident]");
  if (!here || mine) return;
  mine = here.dataset.resident;
  browser.postMessage(mine);
}

browser.onmessage = (event) => {
  if (mine && event.data !== mine) location.reload();
};

document.addEventListener("click", async (event) => {
  if (!event.target.closest?.("[data-leave]")) return;
  await fetch("/leave", { method: "POST" });
  browser.postMessage("");
  location.replace("/");
});

// ---- parts arrive whenever the page is mounted ----------------------------------------------------------------------

new MutationObserver(() => {
  keepNewestInSight();
  sayWhoIsHere();
}).observe(document, { childList: true, subtree: true });
