// Any bytes to the strict JSON reader. What it takes must come out of the writer and in again unchanged.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "io/json/base64.h"
#include "io/json/json.h"
#include "io/json/writer.h"

namespace {

using patronus::json::Writer;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// The depth is bounded by the reader, so recursion will do here.
void write(Writer& out, const picojson::value& value) {
  if (value.is<picojson::object>()) {
    out.begin_object();
    for (const auto& [name, member] : value.get<picojson::object>()) {
      out.key(name);
      write(out, member);
    }
    out.end();
  } else if (value.is<picojson::array>()) {
    out.begin_array();
    for (const auto& element : value.get<picojson::array>()) write(out, element);
    out.end();
  } else if (value.is<std::string>()) {
    out.value(value.get<std::string>());
  } else if (value.is<bool>()) {
    out.value(value.get<bool>());
  } else if (value.is<int64_t>()) {
    out.value(value.get<int64_t>());
  } else if (value.is<double>()) {
    out.value(value.get<double>());
  } else {
    out.null();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string quoted;
  patronus::json::append_quoted(quoted, text);
  require(std::holds_alternative<picojson::value>(patronus::json::parse(quoted)));
  if (const auto bytes = patronus::json::base64_decode(text)) {
    require(patronus::json::base64_encode(*bytes) == text);
  }

  const auto first = patronus::json::parse(text);
  if (const auto* error = std::get_if<patronus::json::Error>(&first)) {
    require(error->offset <= text.size());
    return 0;
  }
  require(patronus::json::is_valid_utf8(text));
  const auto& value = std::get<picojson::value>(first);
  std::string written;
  Writer out(written);
  write(out, value);
  const auto second = patronus::json::parse(written, {.bytes_max = SIZE_MAX});
  require(std::holds_alternative<picojson::value>(second));
  std::string again;
  Writer once_more(again);
  write(once_more, std::get<picojson::value>(second));
  // The texts are compared, since picojson's comparison would turn the integers of both sides into doubles.
  require(again == written);
  return 0;
}
