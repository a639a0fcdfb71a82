#include "io/storage/founding_note.h"

#include <filesystem>
#include <system_error>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/raft/entry.h"
#include "io/storage/file.h"

namespace patronus {
namespace {

constexpr uint32_t kFoundingMagic = 0x444e5546;  // "FUND"
constexpr size_t kFoundingNoteBytesMax = 4096;
constexpr const char* kName = "founds";

std::string path_of(const std::string& directory) { return directory + "/" + kName; }

}  // namespace

std::optional<std::string> write_founding_note(const std::string& directory, const ClusterId& cluster) {
  std::string bytes;
  Writer out(bytes);
  out.u32(kFoundingMagic);
  encode(out, cluster);
  out.u32(crc32c(bytes));
  return replace_file(directory, kName, bytes);
}

std::variant<std::optional<ClusterId>, std::string> read_founding_note(const std::string& directory) {
  const std::string path = path_of(directory);
  std::variant<std::optional<std::string>, std::string> read = read_if_there(path, kFoundingNoteBytesMax);
  if (auto* failed = std::get_if<std::string>(&read)) return std::move(*failed);
  const auto& bytes = std::get<std::optional<std::string>>(read);
  if (!bytes) return std::optional<ClusterId>();
  Reader in(*bytes);
  const bool known = in.u32() == kFoundingMagic;
  const ClusterId cluster = decode_cluster_id(in);
  const uint32_t expected = crc32c(std::string_view(*bytes).substr(0, in.position()));
  if (known && in.u32() == expected && in.done() && cluster) return std::optional<ClusterId>(cluster);
  return path + " is damaged; remove it, and say again that this node shall found a cluster";
}

std::optional<std::string> remove_founding_note(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove(path_of(directory), error);
  if (error) return "can't remove " + path_of(directory) + ": " + error.message();
  return sync_directory(directory);
}

}  // namespace patronus
