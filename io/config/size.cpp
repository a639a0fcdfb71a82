#include "io/config/size.h"

#include <array>
#include <charconv>
#include <utility>

namespace patronus {
namespace {

constexpr std::array<std::pair<std::string_view, uint64_t>, 3> kUnits{
    {{"GiB", uint64_t{1} << 30}, {"MiB", uint64_t{1} << 20}, {"KiB", uint64_t{1} << 10}}};
constexpr uint64_t kBytesMax = uint64_t{1} << 50;

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& [name, bytes] : kUnits) {
    if (unit == name && number <= kBytesMax / bytes) return number * bytes;
  }
  return std::nullopt;
}

std::string format_size(uint64_t bytes) {
  for (const auto& [name, unit] : kUnits) {
    if (bytes >= unit && bytes % unit == 0) return std::to_string(bytes / unit) + std::string(name);
  }
  return std::to_string(bytes);
}

}  // namespace patronus
