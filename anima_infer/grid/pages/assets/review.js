"use strict";
const one = (selector) => document.querySelector(selector);
let voter = "", pair = null, began = 0, busy = false;

const ask = async (path) => (await fetch(path, {cache: "no-store"})).json();
const tell = async (path, data) => (await fetch(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({voter, ...data})})).json();

function shown(image, name) {
  image.onload = () => image.classList.toggle("small", Math.max(image.naturalWidth, image.naturalHeight) <= 256);
  image.src = `image/${name}`;
  return image.decode();
}

async function next() {
  const told = await ask(`next?voter=${encodeURIComponent(voter)}`);
  pair = told.pair;
  one("#progress").max = told.total;
  one("#progress").value = told.done;
  one("#count").textContent = `${told.done} of ${told.total}`;
  one("#vote").hidden = !pair;
  one("#end").hidden = Boolean(pair);
  if (!pair) return;
  await Promise.all([shown(one("#left img"), pair.left), shown(one("#right img"), pair.right)]);
  began = performance.now();
  const ahead = await ask(`next?voter=${encodeURIComponent(voter)}&after=1`);
  if (ahead.pair) for (const name of [ahead.pair.left, ahead.pair.right]) new Image().src = `image/${name}`;
}

async function act(work) {
  if (busy) return;
  busy = true;
  one("#vote").setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    one("#said").textContent = "The program that shows this page does not answer; is it still running?";
  } finally {
    busy = false;
    one("#vote").setAttribute("aria-busy", "false");
  }
}

const SAID = {left: "left", right: "right", tie: "equally good", bad: "both bad"};
const vote = (choice) => act(async () => {
  if (!pair) return;
  const told = await tell("vote", {pair: pair.id, choice, seconds: (performance.now() - began) / 1000});
  one("#said").textContent = told.taken ? `Voted: ${SAID[choice]}.` : "That vote was there already.";
  await next();
});
const undo = () => act(async () => {
  const told = await tell("undo", {});
  one("#said").textContent = told.undone ? "The last vote is taken back." : "There is no vote to take back.";
  await next();
});

one("#welcome").addEventListener("submit", (event) => {
  event.preventDefault();
  voter = one("#name").value.trim();
  if (!voter) return;
  one("#welcome").hidden = true;
  act(next);
});
one("#left").addEventListener("click", () => vote("left"));
one("#right").addEventListener("click", () => vote("right"));
for (const choice of document.querySelectorAll("[data-choice]")) choice.addEventListener("click", () => vote(choice.dataset.choice));
one("#undo").addEventListener("click", undo);
one("#back").addEventListener("click", undo);

const KEYS = {ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", ArrowUp: "bad"};
addEventListener("keydown", (event) => {
  if (!one("#welcome").hidden || event.altKey || event.metaKey) return;
  if (KEYS[event.key] && !event.ctrlKey) vote(KEYS[event.key]);
  else if (event.key.toLowerCase() === "u" || (event.ctrlKey && event.key === "z")) undo();
  else return;
  event.preventDefault();
});
