#include "pal/core/base64.h"

#include <openssl/evp.h>

namespace pal {

std::string base64(std::string_view bytes) {
  // OpenSSL counts in int and writes a final zero byte: pieces of whole triples, put together.
  constexpr std::size_t kPiece = 3u << 20;
  std::string text;
  for (std::size_t begin = 0; begin < bytes.size(); begin += kPiece) {
    const auto piece = bytes.substr(begin, kPiece);
    std::string coded(4 * ((piece.size() + 2) / 3) + 1, '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()), reinterpret_cast<const unsigned char*>(piece.data()), int(piece.size()));
    coded.pop_back();
    text += coded;
  }
  return text;
}

}  // namespace pal
