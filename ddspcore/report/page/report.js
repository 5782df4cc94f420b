"use strict";

// Every take's sounds are of one moment: they share a place, and are drawn on one scale.
const WINDOW = 1024;
const RANGE_DB = 80;
const MAGMA = [[0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122],
               [229, 80, 100], [251, 135, 97], [254, 194, 135], [252, 253, 191]];

for (const take of document.querySelectorAll(".take")) open_take(take);

async function open_take(take) {
  const figures = [...take.querySelectorAll("figure")];
  const players = figures.map((figure) => figure.querySelector("audio"));
  link(players);
  const signals = await Promise.all(players.map(decode));
  const spectra = signals.map((signal, i) => signal && spectrum(signal, figures[i].querySelector("canvas").width));
  const top = Math.max(...spectra.filter(Boolean).map((one) => one.peak));
  figures.forEach((figure, i) => {
    if (!spectra[i]) return;
    const canvas = figure.querySelector("canvas");
    const picture = paint(canvas, spectra[i], top, signals[i].sampleRate);
    follow(canvas, players[i], picture);
    canvas.dataset.drawn = "yes";
  });
}

function link(players) {
  let place = 0;
  for (const player of players) {
    player.addEventListener("timeupdate", () => { if (!player.paused) place = player.currentTime; });
    player.addEventListener("play", () => {
      const other = players.find((each) => each !== player && !each.paused);
      if (other) {
        place = other.currentTime;
        other.pause();
        player.currentTime = place;
      }
    });
  }
}

async function decode(player) {
  try {
    const text = atob(player.src.slice(player.src.indexOf(",") + 1));
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const rate = new DataView(bytes.buffer).getUint32(24, true); // of a WAV file
    const context = new OfflineAudioContext(1, 1, Math.min(Math.max(rate, 8000), 96000));
    return await context.decodeAudioData(bytes.buffer);
  } catch (failure) {
    console.error(failure);
    return null;
  }
}

// Levels in dB, one column of WINDOW / 2 bins for each column of the picture.
function spectrum(buffer, columns) {
  const signal = buffer.getChannelData(0);
  const levels = [];
  let peak = -Infinity;
  for (let column = 0; column < columns; column++) {
    const start = Math.round((column * signal.length) / columns) - WINDOW / 2;
    const real = new Float64Array(WINDOW);
    const imaginary = new Float64Array(WINDOW);
    for (let i = 0; i < WINDOW; i++) {
      const sample = signal[start + i] || 0;
      real[i] = sample * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));
    }
    transform(real, imaginary);
    const level = new Float32Array(WINDOW / 2);
    for (let bin = 0; bin < WINDOW / 2; bin++) {
      level[bin] = 10 * Math.log10((real[bin] ** 2 + imaginary[bin] ** 2) * (16 / WINDOW ** 2) + 1e-20);
      peak = Math.max(peak, level[bin]);
    }
    levels.push(level);
  }
  return { levels, peak };
}

// Radix 2, in place: Cooley and Tukey (1965).
function transform(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const cos = Math.cos((-2 * Math.PI * k) / size);
      const sin = Math.sin((-2 * Math.PI * k) / size);
      for (let at = k; at < n; at += size) {
        const other = at + size / 2;
        const re = real[other] * cos - imaginary[other] * sin;
        const im = real[other] * sin + imaginary[other] * cos;
        real[other] = real[at] - re;
        imaginary[other] = imaginary[at] - im;
        real[at] += re;
        imaginary[at] += im;
      }
    }
  }
}

function paint(canvas, { levels }, top, rate) {
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  const picture = pen.createImageData(width, height);
  for (let y = 0; y < height; y++) {
    const bin = Math.min(WINDOW / 2 - 1, Math.floor(((height - 1 - y) * WINDOW) / 2 / height));
    for (let x = 0; x < width; x++) {
      const unit = Math.min(1, Math.max(0, 1 + (levels[x][bin] - top) / RANGE_DB));
      const place = unit * (MAGMA.length - 1);
      const low = Math.min(Math.floor(place), MAGMA.length - 2);
      for (let c = 0; c < 3; c++) {
        const value = MAGMA[low][c] + (place - low) * (MAGMA[low + 1][c] - MAGMA[low][c]);
        picture.data[4 * (y * width + x) + c] = value;
      }
      picture.data[4 * (y * width + x) + 3] = 255;
    }
  }
  pen.putImageData(picture, 0, 0);
  pen.fillStyle = "#fff";
  pen.font = "12px system-ui, sans-serif";
  const nyquist = rate / 2000;
  const step = nyquist > 12 ? 4 : nyquist > 6 ? 2 : 1;
  for (let khz = step; khz < nyquist; khz += step) {
    const y = height * (1 - khz / nyquist);
    pen.fillRect(0, y, 6, 1);
    pen.fillText(`${khz} kHz`, 9, y + 4);
  }
  return pen.getImageData(0, 0, width, height);
}

function follow(canvas, player, picture) {
  const pen = canvas.getContext("2d");
  const draw = () => {
    pen.putImageData(picture, 0, 0);
    pen.fillStyle = "#fff";
    if (player.currentTime > 0) pen.fillRect((player.currentTime / player.duration) * canvas.width, 0, 2, canvas.height);
    if (!player.paused) requestAnimationFrame(draw);
  };
  player.addEventListener("play", draw);
  player.addEventListener("seeked", draw);
  canvas.addEventListener("click", (event) => {
    player.currentTime = (event.offsetX / canvas.clientWidth) * player.duration;
  });
}
