// The seven benchmarks of the paper, by name: what is asked, which part of an answer counts, and how it is scored. docs/evaluation.md tells users.
//
// Source: YuanGongND/ltu, src/ltu/inference_batch.py and src/ltu/eval/. Where ours differs, docs/evaluation.md says so.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pal {

// Which part of an answer counts, as LTU takes it.
enum class AnswerPart {
  kAfterLastColon,     // "Audio caption: a dog barks" -> "a dog barks"; all of it where there is no colon
  kAfterAudioCaption,  // what follows the last "Audio caption" and its colon, without quotation marks; all of it where that is absent
};

// A benchmark. Its clips, labels and captions are those of a manifest (pal-data import makes it).
struct Benchmark {
  std::string_view name;        // of --benchmark
  std::string_view question;    // what LTU asks
  AnswerPart part;              // of an answer, in LTU's protocol
  bool underscores_are_spaces;  // in labels, where they are compared as texts
  std::string_view metric;      // accuracy, micro_f1, map or ciderd
  std::int64_t classes;         // as published; 0: clips have captions and no labels

  bool has_labels() const { return classes > 0; }  // else captions
};

// All of them, in the paper's order.
std::span<const Benchmark> benchmarks();

// Throws UserError with all names.
const Benchmark& find_benchmark(const std::string& name);

// The part of an answer that counts, without white space at its ends; line ends inside become spaces. Unlike LTU's own, whose [1:] and [2:]
// take letters away where the prefix is absent, nothing but the prefix is lost.
std::string answer_text(const Benchmark& benchmark, std::string_view answer);

// What is embedded for the part of an answer that counts: "sound of a dog barks", in lower case.
std::string answer_query(std::string_view answer_text);

// What is embedded for a label: "sound of dog bark", in lower case.
std::string label_query(const Benchmark& benchmark, std::string_view label);

// A caption as LTU scores it: without ASCII punctuation, in lower case. It joins "mid-air" and "dog's" before they are tokenized.
std::string plain_caption(std::string_view caption);

}  // namespace pal
