// Field numbers: https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
#include "sentencepiece_vocabulary.h"

#include <array>
#include <cmath>
#include <unordered_set>

#include "pal/core/check.h"
#include "protobuf.h"
#include "unicode.h"

namespace pal {
namespace {

using Vocabulary = SentencePieceVocabulary;

namespace model_proto {
enum : std::uint64_t { kPieces = 1, kTrainer = 2, kNormalizer = 3, kDenormalizer = 5 };
}
namespace piece_proto {
enum : std::uint64_t { kText = 1, kScore = 2, kType = 3 };
}
namespace trainer_proto {
enum : std::uint64_t { kModelType = 3, kWhitespaceAsSuffix = 24, kByteFallback = 35, kUnkSurface = 44 };
constexpr std::uint64_t kBpe = 2;
constexpr std::array<const char*, 5> kModelTypes = {"0", "UNIGRAM", "BPE", "WORD", "CHAR"};
}  // namespace trainer_proto
namespace normalizer_proto {
enum : std::uint64_t { kName = 1, kCharsmap = 2, kDummyPrefix = 3, kExtraWhitespaces = 4, kEscapeWhitespaces = 5 };
}

Vocabulary::Piece read_piece(std::string_view bytes, const std::string& where) {
  Vocabulary::Piece piece;
  for (ProtobufReader reader(bytes, where); reader.next();) {
    switch (reader.field()) {
      case piece_proto::kText: piece.text = reader.bytes(); break;
      case piece_proto::kScore: piece.score = reader.float32(); break;
      case piece_proto::kType:
        PAL_CHECK(reader.varint() >= 1 && reader.varint() <= 6, "{}: '{}' has type {}; expected 1 to 6", where,
                  piece.text, reader.varint());
        piece.type = static_cast<Vocabulary::Type>(reader.varint());
        break;
      default: break;
    }
  }
  return piece;
}

void read_trainer(std::string_view bytes, Vocabulary& vocabulary) {
  std::uint64_t type = 1;
  for (ProtobufReader reader(bytes, vocabulary.where); reader.next();) {
    switch (reader.field()) {
      case trainer_proto::kModelType: type = reader.varint(); break;
      case trainer_proto::kByteFallback: vocabulary.byte_fallback = reader.flag(); break;
      case trainer_proto::kUnkSurface: vocabulary.unk_surface = reader.bytes(); break;
      case trainer_proto::kWhitespaceAsSuffix:
        PAL_CHECK(!reader.flag(), "{}: treat_whitespace_as_suffix is not supported", vocabulary.where);
        break;
      default: break;
    }
  }
  PAL_CHECK(type == trainer_proto::kBpe, "{}: a SentencePiece model of type {} is not supported; supported: BPE",
            vocabulary.where,
            type < trainer_proto::kModelTypes.size() ? trainer_proto::kModelTypes[type] : std::to_string(type));
}

void read_normalizer(std::string_view bytes, Vocabulary& vocabulary, bool is_denormalizer) {
  std::string name;
  bool has_rules = false;
  for (ProtobufReader reader(bytes, vocabulary.where); reader.next();) {
    switch (reader.field()) {
      case normalizer_proto::kName: name = reader.bytes(); break;
      case normalizer_proto::kCharsmap: has_rules = !reader.bytes().empty(); break;
      case normalizer_proto::kDummyPrefix:
        if (!is_denormalizer) vocabulary.add_dummy_prefix = reader.flag();
        break;
      case normalizer_proto::kExtraWhitespaces:
        if (!is_denormalizer) vocabulary.remove_extra_whitespaces = reader.flag();
        break;
      case normalizer_proto::kEscapeWhitespaces:
        PAL_CHECK(reader.flag() || is_denormalizer, "{}: escape_whitespaces: false is not supported",
                  vocabulary.where);
        break;
      default: break;
    }
  }
  PAL_CHECK(!has_rules, "{}: normalisation '{}' is not supported; supported: identity", vocabulary.where, name);
}

}  // namespace

SentencePieceVocabulary read_sentencepiece(std::string_view bytes, const std::string& where) {
  Vocabulary vocabulary;
  vocabulary.where = where;
  bool has_trainer = false;
  for (ProtobufReader reader(bytes, where); reader.next();) {
    switch (reader.field()) {
      case model_proto::kPieces:
        vocabulary.pieces.push_back(
            read_piece(reader.bytes(), fmt::format("{}: piece {}", where, vocabulary.pieces.size())));
        break;
      case model_proto::kTrainer:
        has_trainer = true;
        read_trainer(reader.bytes(), vocabulary);
        break;
      case model_proto::kNormalizer: read_normalizer(reader.bytes(), vocabulary, false); break;
      case model_proto::kDenormalizer: read_normalizer(reader.bytes(), vocabulary, true); break;
      default: break;
    }
  }
  PAL_CHECK(has_trainer, "{}: not a SentencePiece model: has no trainer_spec", where);
  check_sentencepiece(vocabulary);
  return vocabulary;
}

void check_sentencepiece(const SentencePieceVocabulary& vocabulary) {
  const std::string& where = vocabulary.where;
  constexpr std::size_t kMostPieces = 10'000'000;
  PAL_CHECK(!vocabulary.pieces.empty() && vocabulary.pieces.size() <= kMostPieces,
            "{}: has {} pieces; expected 1 to {}", where, vocabulary.pieces.size(), kMostPieces);
  PAL_CHECK(!find_invalid_utf8(vocabulary.unk_surface), "{}: unk_surface is not UTF-8", where);
  std::unordered_set<std::string_view> texts;
  std::size_t unknown = 0;
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const auto& piece = vocabulary.pieces[id];
    PAL_CHECK(!piece.text.empty(), "{}: piece {} is empty", where, id);
    PAL_CHECK(!find_invalid_utf8(piece.text) && piece.text.find('\0') == std::string::npos,
              "{}: piece {} is not UTF-8 text", where, id);
    PAL_CHECK(texts.insert(piece.text).second, "{}: piece '{}' is there twice", where, piece.text);
    PAL_CHECK(std::isfinite(piece.score), "{}: piece '{}' has the score {}", where, piece.text, piece.score);
    unknown += piece.type == Vocabulary::Type::kUnknown;
  }
  PAL_CHECK(unknown == 1, "{}: has {} unknown pieces (<unk>); expected one", where, unknown);
}

std::string write_sentencepiece(const SentencePieceVocabulary& vocabulary) {
  ProtobufWriter trainer, normalizer, model;
  trainer.varint(trainer_proto::kModelType, trainer_proto::kBpe)
      .varint(trainer_proto::kByteFallback, vocabulary.byte_fallback)
      .bytes(trainer_proto::kUnkSurface, vocabulary.unk_surface);
  normalizer.bytes(normalizer_proto::kName, "identity")
      .varint(normalizer_proto::kDummyPrefix, vocabulary.add_dummy_prefix)
      .varint(normalizer_proto::kExtraWhitespaces, vocabulary.remove_extra_whitespaces);
  for (const auto& piece : vocabulary.pieces) {
    ProtobufWriter written;
    written.bytes(piece_proto::kText, piece.text)
        .float32(piece_proto::kScore, piece.score)
        .varint(piece_proto::kType, static_cast<std::uint64_t>(piece.type));
    model.bytes(model_proto::kPieces, written.message());
  }
  return model.bytes(model_proto::kTrainer, trainer.message())
      .bytes(model_proto::kNormalizer, normalizer.message())
      .message();
}

}  // namespace pal
