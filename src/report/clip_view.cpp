#include "pal/report/clip_view.h"

#include <algorithm>
#include <cmath>

#include "pal/audio/whisper_mel.h"
#include "pal/core/check.h"
#include "pal/encoders/encoder.h"

namespace pal {

namespace {

void put(std::string& bytes, uint32_t value, int count) {  // little-endian
  for (int i = 0; i < count; ++i) bytes.push_back(char(value >> (8 * i) & 0xff));
}

// RIFF WAVE, format 1 (PCM): 16 bits, one channel.
std::string wav_file(const torch::Tensor& samples, int rate) {
  const auto pcm = (samples.clamp(-1, 1) * 32767).round().to(torch::kInt16).contiguous();
  const auto size = uint32_t(pcm.nbytes());
  std::string file = "RIFF";
  put(file, 36 + size, 4);
  file += "WAVEfmt ";
  put(file, 16, 4);
  put(file, 1, 2);
  put(file, 1, 2);
  put(file, uint32_t(rate), 4);
  put(file, uint32_t(rate) * 2, 4);
  put(file, 2, 2);
  put(file, 16, 2);
  file += "data";
  put(file, size, 4);
  for (int64_t i = 0; i < pcm.numel(); ++i) put(file, uint16_t(pcm.data_ptr<int16_t>()[i]), 2);
  return file;
}

// [bands, columns] floats -> bytes over their range.
std::string as_bytes(const torch::Tensor& mel) {
  const auto low = mel.min(), range = (mel.max() - low).clamp_min(1e-6);
  const auto bytes = ((mel - low) / range * 255).round().to(torch::kUInt8).contiguous();
  return {reinterpret_cast<const char*>(bytes.data_ptr<uint8_t>()), std::size_t(bytes.numel())};
}

}  // namespace

ClipView view_clip(const Clip& clip, double most_seconds) {
  PAL_CHECK(most_seconds > 0 && most_seconds <= 30, "the seconds of a recording to show must be above 0 and at most 30, got {}", most_seconds);
  constexpr int rate = WhisperMel::sample_rate;
  const auto whole = load_samples(clip.recording(), rate, {}, clip.segment);
  const auto samples = whole.slice(0, 0, std::llround(most_seconds * rate));
  ClipView view;
  view.seconds = double(whole.numel()) / rate;
  view.shown = double(samples.numel()) / rate;
  view.wav = wav_file(samples, rate);
  view.columns = std::min<int64_t>(WhisperMel::window_frames, (samples.numel() + WhisperMel::hop - 1) / WhisperMel::hop);
  view.spectrogram = as_bytes(whisper_mel(samples, ClipView::bands).slice(1, 0, view.columns));
  return view;
}

}  // namespace pal
