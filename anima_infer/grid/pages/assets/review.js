"use strict";
const find = (selector) => document.querySelector(selector);
let voter = "", pair = null, shownAt = 0, busy = false;

const ask = async (path) => (await fetch(path, {cache: "no-store"})).json();
const send = async (path, data) => (await fetch(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({voter, ...data})})).json();

function show(image, name) {
  image.onload = () => image.classList.toggle("small", Math.max(image.naturalWidth, image.naturalHeight) <= 256);
  image.src = `image/${name}`;
  return image.decode();
}

async function next() {
  const answer = await ask(`next?voter=${encodeURIComponent(voter)}`);
  pair = answer.pair;
  find("#progress").max = answer.total;
  find("#progress").value = answer.done;
  find("#count").textContent = `${answer.done} of ${answer.total}`;
  find("#vote").hidden = !pair;
  find("#end").hidden = Boolean(pair);
  if (!pair) return;
  await Promise.all([show(find("#left img"), pair.left), show(find("#right img"), pair.right)]);
  shownAt = performance.now();
  const following = await ask(`next?voter=${encodeURIComponent(voter)}&ahead=1`);
  if (following.pair) for (const name of [following.pair.left, following.pair.right]) new Image().src = `image/${name}`;
}

async function act(work) {
  if (busy) return;
  busy = true;
  find("#vote").setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    find("#status").textContent = "No answer from anima-infer; check that 'anima-infer grid review' is still running.";
  } finally {
    busy = false;
    find("#vote").setAttribute("aria-busy", "false");
  }
}

const LABELS = {left: "left", right: "right", tie: "equally good", bad: "both bad"};
const vote = (choice) => act(async () => {
  if (!pair) return;
  const answer = await send("vote", {pair: pair.id, choice, seconds: (performance.now() - shownAt) / 1000});
  find("#status").textContent = answer.recorded ? `Voted: ${LABELS[choice]}.` : "You have already voted on this pair.";
  await next();
});
const undo = () => act(async () => {
  const answer = await send("undo", {});
  find("#status").textContent = answer.undone ? "Undid the last vote." : "There is no vote to undo.";
  await next();
});

find("#welcome").addEventListener("submit", (event) => {
  event.preventDefault();
  voter = find("#name").value.trim();
  if (!voter) return;
  find("#welcome").hidden = true;
  act(next);
});
find("#left").addEventListener("click", () => vote("left"));
find("#right").addEventListener("click", () => vote("right"));
for (const choice of document.querySelectorAll("[data-choice]")) choice.addEventListener("click", () => vote(choice.dataset.choice));
find("#undo").addEventListener("click", undo);
find("#back").addEventListener("click", undo);

const KEYS = {ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", ArrowUp: "bad"};
addEventListener("keydown", (event) => {
  if (!find("#welcome").hidden || event.altKey || event.metaKey) return;
  if (KEYS[event.key] && !event.ctrlKey) vote(KEYS[event.key]);
  else if (event.key.toLowerCase() === "u" || (event.ctrlKey && event.key === "z")) undo();
  else return;
  event.preventDefault();
});
