#include "io/protocol/http/target.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "io/json/utf8.h"
#include "io/protocol/http/syntax.h"

namespace patronus::http {
namespace {

std::optional<Refusal> decode(std::string_view text, std::string& out) {
  if (text.find('%') == std::string_view::npos) {
    out.assign(text);
    return std::nullopt;
  }
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = text.size() - i >= 3 ? hex_value(text[i + 1]) : -1;
    const int low = text.size() - i >= 3 ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return bad_target("a malformed percent escape in the request target");
    if (high == 0 && low == 0) return bad_target("a NUL in the request target");
    out.push_back(static_cast<char>(static_cast<unsigned char>(high * 16 + low)));
    i += 2;
  }
  if (!json::is_valid_utf8(out)) return bad_target("the request target is not UTF-8 once decoded");
  return std::nullopt;
}

std::optional<Refusal> parse_path(std::string_view path, std::vector<std::string>& segments) {
  if (path == "/") return std::nullopt;
  segments.reserve(static_cast<size_t>(std::count(path.begin(), path.end(), '/')));
  size_t begin = 1;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end == begin) return bad_target("an empty segment in the path");
    std::string& segment = segments.emplace_back();
    if (auto refusal = decode(path.substr(begin, end - begin), segment)) return refusal;
    // Decoded first, or "%2e%2e" would walk up where ".." may not.
    if (segment == "." || segment == "..") return bad_target("a dot segment in the path");
    begin = end + 1;
  }
  return std::nullopt;
}

std::optional<Refusal> parse_query(std::string_view query, std::vector<QueryParam>& params) {
  size_t begin = 0;
  while (begin < query.size()) {
    const size_t end = std::min(query.find('&', begin), query.size());
    const std::string_view piece = query.substr(begin, end - begin);
    begin = end + 1;
    if (piece.empty()) continue;
    const size_t equals = piece.find('=');
    QueryParam& param = params.emplace_back();
    if (auto refusal = decode(piece.substr(0, equals), param.name)) return refusal;
    if (equals == std::string_view::npos) continue;
    if (auto refusal = decode(piece.substr(equals + 1), param.value)) return refusal;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> parse_target(Request& request) {
  const std::string_view target = request.target;
  if (target == "*" && request.method == Method::kOptions) return std::nullopt;
  if (!std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7F; })) {
    return bad_target("a control or non-ASCII character in the request target");
  }
  if (!target.starts_with('/')) {
    if (target.find("://") != std::string_view::npos) {
      return bad_target("the request target is in absolute form; only the origin form is served");
    }
    return bad_target("the request target does not begin with a slash");
  }
  if (target.find('#') != std::string_view::npos) return bad_target("a fragment in the request target");
  const size_t question = target.find('?');
  if (auto refusal = parse_path(target.substr(0, question), request.segments)) return refusal;
  if (question == std::string_view::npos) return std::nullopt;
  return parse_query(target.substr(question + 1), request.query);
}

}  // namespace patronus::http
