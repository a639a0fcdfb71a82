#include "io/sdwan/probe_key.h"

#include "core/base/bytes.h"
#include "io/json/base64.h"
#include "io/json/json.h"
#include "io/json/writer.h"
#include "io/protocol/probe.h"

namespace patronus::sdwan {
namespace {

std::optional<std::string> key_of(std::string_view text) {
  std::optional<std::string> key = json::base64url_decode(text);
  if (!key || key->size() != probe::kKeyBytes) return std::nullopt;
  return key;
}

}  // namespace

std::string probe_key(std::string_view site, uint32_t generation, auth::Crypto& crypto) {
  std::string of;
  Writer out(of);
  out.bytes(site);
  out.u32(generation);
  return crypto.mac("probe", of).substr(0, probe::kKeyBytes);
}

std::string probe_key_answer(const Site& site, auth::Crypto& crypto) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("site", site.id).field("key_generation", site.fields.key_generation);
  out.field("key", json::base64url_encode(probe_key(site.id, site.fields.key_generation, crypto))).finish();
  return text;
}

std::optional<std::string> read_probe_key(std::string_view text, std::string_view site) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  text = text.substr(0, end + 1);
  if (text.front() != '{') return key_of(text);
  const std::variant<picojson::value, json::Error> parsed = json::parse(text);
  const auto* value = std::get_if<picojson::value>(&parsed);
  if (value == nullptr || !value->get("site").is<std::string>() || !value->get("key").is<std::string>() ||
      value->get("site").get<std::string>() != site)
    return std::nullopt;
  return key_of(value->get("key").get<std::string>());
}

}  // namespace patronus::sdwan
