// What a SentencePiece model says, as far as it decides how text becomes tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// A BPE model of SentencePiece that leaves text as it is but for its spaces (Llama 1 and 2, Vicuna, Mistral 7B). The defaults are
// those of SentencePiece's format.
struct SentencePieceVocabulary {
  enum class Type : std::uint64_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  struct Piece {
    std::string text;
    float score = 0;  // the higher, the sooner merged
    Type type = Type::kNormal;
  };
  std::string where;          // names the file in messages
  std::vector<Piece> pieces;  // by id
  bool byte_fallback = false;             // characters without a piece become <0xNN> pieces
  bool add_dummy_prefix = true;           // a space before every text
  bool remove_extra_whitespaces = true;   // leading, trailing and repeated ones
  std::string unk_surface = " \u2047 ";   // what an unknown piece decodes to
};

// Reads a *.model file's bytes. Throws UserError where they are damaged, or where the model does what is not supported.
SentencePieceVocabulary read_sentencepiece(std::string_view bytes, const std::string& where);

// Throws UserError where the pieces cannot be those of a model: none, no or several unknown ones, one that is empty, not UTF-8, there
// twice, with a score that is not a number.
void check_sentencepiece(const SentencePieceVocabulary& vocabulary);

// The bytes of a model file that holds this and nothing else, for the SentencePiece library.
std::string write_sentencepiece(const SentencePieceVocabulary& vocabulary);

}  // namespace pal
