#include "io/storage/rebuild.h"

#include <fcntl.h>

#include <filesystem>
#include <system_error>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/limits.h"
#include "core/raft/entry.h"
#include "io/storage/file.h"
#include "io/storage/load_state.h"

namespace patronus {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kRebuildMagic = 0x444c4252;  // "RBLD"
constexpr size_t kRebuildNoteBytesMax = 4096;
constexpr size_t kNameBytesMax = 64;

struct Note {
  bool moving = false;  // things are still on their way to `aside`
  ClusterId cluster;
  std::string aside;
};

constexpr const char* kNoteName = "rebuild";

std::string note_path(const std::string& directory) { return directory + "/" + kNoteName; }

std::string text_of(const char* what, const fs::path& path, const std::error_code& error) {
  return std::string("can't ") + what + " " + path.string() + ": " + error.message();
}

std::optional<std::string> write_note(const std::string& directory, const Note& note) {
  std::string bytes;
  Writer out(bytes);
  out.u32(kRebuildMagic);
  out.boolean(note.moving);
  encode(out, note.cluster);
  out.bytes(note.aside);
  out.u32(crc32c(bytes));
  return replace_file(directory, kNoteName, bytes);
}

// A name for one more, if there may be one more.
AsideResult next_aside(const std::string& directory) {
  for (size_t number = 1; number <= limits::kAsideMax; ++number) {
    const std::string name = "aside-" + std::to_string(number);
    std::error_code error;
    if (!fs::exists(fs::path(directory) / name, error)) return {name, {}};
  }
  return {{},
          "it was set aside " + std::to_string(limits::kAsideMax) + " times already, in " + directory +
              "/aside-1 and so on; check the disk, then remove these"};
}

std::variant<std::optional<Note>, std::string> read_note(const std::string& directory) {
  std::variant<std::optional<std::string>, std::string> read =
      read_if_there(note_path(directory), kRebuildNoteBytesMax);
  if (auto* failed = std::get_if<std::string>(&read)) return std::move(*failed);
  const auto& bytes = std::get<std::optional<std::string>>(read);
  if (!bytes) return std::optional<Note>();
  Reader in(*bytes);
  const bool known = in.u32() == kRebuildMagic;
  Note note;
  note.moving = in.boolean();
  note.cluster = decode_cluster_id(in);
  note.aside = in.text(kNameBytesMax);
  const uint32_t expected = crc32c(std::string_view(*bytes).substr(0, in.position()));
  const bool whole = known && in.u32() == expected && in.done();
  if (whole) return std::optional<Note>(note);
  // Whatever it said, it was there because the directory could not be trusted; what is left in it is not
  // either.
  const AsideResult fresh = next_aside(directory);
  if (!fresh.failure.empty()) return fresh.failure;
  return std::optional<Note>(Note{true, {}, fresh.name});
}

// What a node has made. Anything else that lies there is not its own to move.
bool is_moved(const std::string& name) {
  return (name.starts_with("wal-") && name.ends_with(".seg")) || name == "next.tmp" ||
         name.starts_with("image.") || name.starts_with("artefact.") || name == "founds";
}

std::optional<std::string> move_all(const std::string& directory, const std::string& aside) {
  std::error_code error;
  const fs::path to = fs::path(directory) / aside;
  fs::create_directory(to, error);
  if (error) return text_of("create", to, error);
  std::vector<fs::path> found;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (is_moved(at->path().filename().string())) found.push_back(at->path());
  }
  if (error) return text_of("list", directory, error);
  for (const fs::path& path : found) {
    fs::rename(path, to / path.filename(), error);
    if (error) return text_of("set aside", path, error);
  }
  if (auto failed = sync_directory(to.string())) return failed;
  return sync_directory(directory);
}

}  // namespace

std::variant<std::optional<RebuildNote>, std::string> read_rebuild_note(const std::string& directory) {
  std::variant<std::optional<Note>, std::string> read = read_note(directory);
  if (auto* failed = std::get_if<std::string>(&read)) return std::move(*failed);
  const std::optional<Note>& note = std::get<std::optional<Note>>(read);
  if (!note) return std::optional<RebuildNote>();
  if (note->moving) {
    if (auto failed = move_all(directory, note->aside)) return std::move(*failed);
    if (auto failed = write_note(directory, {false, note->cluster, note->aside})) return std::move(*failed);
  }
  return std::optional<RebuildNote>(RebuildNote{note->cluster});
}

std::optional<std::string> write_rebuild_note(const std::string& directory, const RebuildNote& note) {
  return write_note(directory, {false, note.cluster, ""});
}

AsideResult set_aside(const std::string& directory, const ClusterId& cluster) {
  AsideResult result = next_aside(directory);
  if (!result.failure.empty()) return result;
  std::optional<std::string> failed = write_note(directory, {true, cluster, result.name});
  if (!failed) failed = move_all(directory, result.name);
  if (!failed) failed = write_note(directory, {false, cluster, result.name});
  result.failure = failed.value_or("");
  return result;
}

AsideResult set_image_aside(const std::string& directory) {
  AsideResult result = next_aside(directory);
  if (!result.failure.empty()) return result;
  std::error_code error;
  const fs::path to = fs::path(directory) / result.name;
  fs::create_directory(to, error);
  if (!error) fs::rename(image_path(directory), to / "image.mdb", error);
  if (error) result.failure = text_of("set aside", image_path(directory), error);
  if (result.failure.empty()) result.failure = sync_directory(directory).value_or("");
  return result;
}

std::optional<std::string> remove_rebuild_note(const std::string& directory) {
  std::error_code error;
  fs::remove(note_path(directory), error);
  if (error) return text_of("remove", note_path(directory), error);
  return sync_directory(directory);
}

}  // namespace patronus
