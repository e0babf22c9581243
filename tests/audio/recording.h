// Recordings that tests write, through libsndfile.
#pragma once

#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <string>
#include <vector>

namespace pal {

constexpr int kPcm16Wav = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
constexpr int kFloatWav = SF_FORMAT_WAV | SF_FORMAT_FLOAT;

// A tone of 440 Hz with a slow tremolo: every stretch of it differs from every other.
inline std::vector<float> tone(int sample_rate, double seconds) {
  std::vector<float> samples(std::size_t(std::lround(sample_rate * seconds)));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double t = double(i) / sample_rate;
    samples[i] = float(0.4 * std::sin(2 * std::numbers::pi * 440 * t) * (0.6 + 0.4 * std::sin(3 * t)));
  }
  return samples;
}

// interleaved: frames * channels values.
inline void write_recording(const std::filesystem::path& path, const std::vector<float>& interleaved,
                            int sample_rate, int format = kPcm16Wav, int channels = 1) {
  SF_INFO info{};
  info.samplerate = sample_rate;
  info.channels = channels;
  info.format = format;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  ASSERT_NE(file, nullptr) << sf_strerror(nullptr);
  const auto frames = sf_count_t(interleaved.size()) / channels;
  ASSERT_EQ(sf_writef_float(file, interleaved.data(), frames), frames);
  sf_close(file);
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace pal
