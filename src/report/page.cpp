#include <openssl/sha.h>

#include <nlohmann/json.hpp>

#include "page_parts.h"
#include "pal/core/base64.h"
#include "pal/core/check.h"
#include "pal/report/report.h"

namespace pal {

namespace {

// JSON that can stand in a script element: no `<` can end it or begin a comment there.
std::string as_inert_json(const nlohmann::json& report) {
  std::string text;
  for (char c : report.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace)) {
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  }
  return text;
}

// As a Content-Security-Policy names a script or style that may stand in the page.
std::string hash_source(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return "'sha256-" + base64({reinterpret_cast<const char*>(digest), sizeof digest}) + "'";
}

void fill(std::string& page, std::string_view place, std::string_view text) {
  const auto at = page.find(place);
  PAL_ASSERT(at != std::string::npos, "the page has no {}", place);
  page.replace(at, place.size(), text);
}

}  // namespace

std::string report_page(const nlohmann::json& report) {
  std::string page(kPageHtml);
  fill(page, "{{policy}}", "default-src 'none'; img-src data:; media-src data:; style-src " + hash_source(kPageStyle) + "; script-src " + hash_source(kPageScript) +
                               "; base-uri 'none'; form-action 'none'");
  fill(page, "{{style}}", kPageStyle);
  fill(page, "{{script}}", kPageScript);
  fill(page, "{{data}}", as_inert_json(report));  // last: what it holds is not looked into
  return page;
}

}  // namespace pal
