// Where configuration values are read from: the environment and a file.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "io/config/config.h"

namespace patronus {
namespace {

constexpr std::string_view kPrefix = "PATRONUS_";
constexpr std::string_view kFileSuffix = "_FILE";
constexpr size_t kFileBytesMax = 64 * 1024;

bool is_setting(std::string_view name) {
  return std::any_of(settings().begin(), settings().end(),
                     [&](const Setting& one) { return one.name == name; });
}

// What patronusctl reads, beside a node and often out of the same environment.
bool is_of_patronusctl(std::string_view name) {
  static constexpr std::string_view kNames[] = {"LITESTREAM", "ENDPOINTS", "CA", "TOKEN", "PASSWORD"};
  return name.starts_with("BACKUP_") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// Nothing if the file can't be read or is too large.
std::optional<std::string> read_small_file(const std::string& path) {
  std::error_code error;
  const bool regular = std::filesystem::is_regular_file(path, error);
  if (!regular || std::filesystem::file_size(path, error) > kFileBytesMax || error) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad() || content.size() > kFileBytesMax) return std::nullopt;
  return content;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

void read_environment(const char* const* environment, Sources& sources, std::vector<std::string>& errors,
                      std::vector<std::string>& unknown) {
  const auto is_set = [environment](const std::string& variable) {
    for (const char* const* at = environment; at != nullptr && *at != nullptr; ++at) {
      if (std::string_view(*at).starts_with(variable + "=")) return true;
    }
    return false;
  };
  for (const char* const* at = environment; at != nullptr && *at != nullptr; ++at) {
    const std::string_view line = *at;
    const size_t equals = line.find('=');
    if (!line.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    std::string_view name = line.substr(kPrefix.size(), equals - kPrefix.size());
    const std::string value(line.substr(equals + 1));
    if (is_setting(name)) {
      sources.environment.emplace(name, value);
    } else if (name.ends_with(kFileSuffix) && is_setting(name.substr(0, name.size() - kFileSuffix.size()))) {
      std::optional<std::string> content = read_small_file(value);
      if (!content) {
        errors.push_back("PATRONUS_" + std::string(name) + "='" + value +
                         "' can't be read; name a readable file of at most 64 KiB");
        continue;
      }
      while (!content->empty() && (content->back() == '\n' || content->back() == '\r')) content->pop_back();
      name.remove_suffix(kFileSuffix.size());
      if (is_set(std::string(kPrefix) + std::string(name))) {
        errors.push_back("PATRONUS_" + std::string(name) + "_FILE='" + value + "' and PATRONUS_" +
                         std::string(name) + " are both set; use one of them");
        continue;
      }
      sources.environment.emplace(name, std::move(*content));
    } else if (!is_of_patronusctl(name)) {
      unknown.emplace_back(std::string(kPrefix) + std::string(name));
    }
  }
}

void read_config_file(const std::string& path, Sources& sources, std::vector<std::string>& errors) {
  const std::optional<std::string> content = read_small_file(path);
  if (!content) {
    errors.push_back("--config '" + path + "' can't be read; name a readable file of at most 64 KiB");
    return;
  }
  size_t number = 0;
  for (size_t begin = 0; begin < content->size();) {
    const size_t end = std::min(content->find('\n', begin), content->size());
    const std::string_view line = trim(std::string_view(*content).substr(begin, end - begin));
    begin = end + 1;
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const size_t equals = line.find('=');
    const std::string_view name = trim(line.substr(0, equals));
    const std::string where = path + ":" + std::to_string(number) + ": '" + std::string(line) + "' ";
    if (equals == std::string_view::npos || !name.starts_with(kPrefix) ||
        !is_setting(name.substr(kPrefix.size()))) {
      errors.push_back(where +
                       "is not a setting of this version; use lines such as PATRONUS_NODE_ID=dashboard1");
      continue;
    }
    if (!sources.file.emplace(name.substr(kPrefix.size()), trim(line.substr(equals + 1))).second) {
      errors.push_back(where + "is there twice; give each setting once");
    }
  }
}

}  // namespace patronus
