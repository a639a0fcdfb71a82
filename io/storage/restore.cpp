#include "io/storage/restore.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/limits.h"
#include "core/state/artefact_format.h"
#include "core/state/store.h"
#include "core/wal/format.h"
#include "io/storage/artefact_files.h"
#include "io/storage/file.h"
#include "io/storage/founding_note.h"
#include "io/storage/log_directory.h"
#include "io/storage/segments.h"

namespace patronus {
namespace {

namespace fs = std::filesystem;

struct Content : StateContent {
  SnapshotSummary summary;
};

SnapshotSummary summary_of(const Base& base, const Store& store) {
  SnapshotSummary summary;
  summary.artefact.index = base.index;
  summary.cluster = base.configuration->cluster_id;
  summary.term = base.term;
  summary.sites = store.tables().sites().size();
  summary.policies = store.tables().policies().size();
  summary.keys = store.keys();
  summary.has_tables = store.tables().schema() > 0;
  summary.users = store.accounts().user_count();
  summary.sessions = store.accounts().session_count();
  return summary;
}

std::optional<std::string> feed_file(const std::string& path, artefact::Decoder& decoder) {
  std::variant<File, std::string> opened = File::open(path, O_RDONLY);
  if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
  const auto& file = std::get<File>(opened);
  std::string piece(limits::kMiB, '\0');
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(file.fd(), piece.data(), piece.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_text("read", path);
    if (n == 0) break;
    at += n;
    if (auto fault = decoder.feed(std::string_view(piece).substr(0, static_cast<size_t>(n))))
      return path + " is no sound snapshot: " + *fault;
  }
  if (auto fault = decoder.finish()) return path + " is no sound snapshot: " + *fault;
  return std::nullopt;
}

// With the rows only if they are wanted: they take as much memory as the state.
std::variant<Content, std::string> read_all(const std::string& path, bool keep_rows) {
  Content content;
  std::optional<StoreLoader> loader;
  artefact::Decoder* decoding = nullptr;
  artefact::Decoder decoder([&](std::string_view key, std::string_view value) {
    if (!loader) loader.emplace(decoding->end()->base);
    if (keep_rows) content.rows.emplace_back(key, value);
    return loader->add(key, value);
  });
  decoding = &decoder;
  if (auto error = feed_file(path, decoder)) return std::move(*error);
  if (!loader) return path + " is no sound snapshot: it has no rows";
  content.end = *decoder.end();
  std::variant<Store, std::string> store = std::move(*loader).finish(content.end.state_hash);
  if (const auto* fault = std::get_if<std::string>(&store)) return path + " is no sound snapshot: " + *fault;
  content.summary = summary_of(content.end.base, std::get<Store>(store));
  content.summary.artefact = decoder.artefact();
  return content;
}

// Builds the state from the rows as they are now, and so what is said of it.
std::optional<std::string> build(Content& content) {
  StoreLoader loader(content.end.base);
  for (const auto& [key, value] : content.rows) {
    if (auto fault = loader.add(key, value)) return fault;
  }
  std::variant<Store, std::string> store = std::move(loader).finish(std::nullopt);
  if (auto* fault = std::get_if<std::string>(&store)) return std::move(*fault);
  content.end.state_hash = std::get<Store>(store).hash();
  const Artefact artefact = content.summary.artefact;
  content.summary = summary_of(content.end.base, std::get<Store>(store));
  if (artefact.bytes != 0) content.summary.artefact = artefact;
  return std::nullopt;
}

// The state without its sessions, whose hash is another one then.
std::optional<std::string> end_sessions(Content& content) {
  std::erase_if(content.rows,
                [](const auto& row) { return static_cast<RowKind>(row.first.front()) == RowKind::kSession; });
  return build(content);
}

std::optional<std::string> write_state(const Content& content, const std::string& directory) {
  std::variant<File, std::string> opened =
      File::open(artefact_paths(directory).arrived, O_WRONLY | O_CREAT | O_EXCL);
  if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
  auto& file = std::get<File>(opened);
  std::string bytes;
  uint64_t at = 0;
  std::optional<std::string> failed;
  const auto flush = [&](bool all) {
    if (failed || (bytes.size() < limits::kMiB && !all)) return;
    failed = file.write_at(at, bytes);
    at += bytes.size();
    bytes.clear();
  };
  artefact::Encoder encoder(content.end, bytes);
  for (const auto& [key, value] : content.rows) {
    encoder.add(key, value, bytes);
    flush(false);
  }
  encoder.finish(bytes);
  flush(true);
  return failed ? failed : file.sync_data();
}

// A log as that of a node which belonged to the snapshot's cluster and has nothing: an arrived state leaves
// it behind.
std::optional<std::string> write_log(const Content& content, const std::string& directory,
                                     Incarnation incarnation) {
  const wal::Position first = wal::first_position(incarnation);
  if (auto failed = create_segment(directory, incarnation, first)) return failed;
  wal::Encoder encoder(incarnation, first, limits::kWalSegmentBytes, HardState{});
  const Persist hard{
      PersistId{1}, HardState{content.end.base.term, NodeId{}, content.summary.cluster, 1}, {}};
  const wal::Write write = encoder.encode({&hard, 1});
  std::variant<File, std::string> opened = File::open(segment_path(directory, write.segment), O_RDWR);
  if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
  auto& file = std::get<File>(opened);
  if (auto failed = file.write_at(write.offset, write.bytes)) return failed;
  return file.sync_data();
}

bool is_no_content(const std::string& name) { return name == "LOCK" || name == "lost+found"; }

std::optional<std::string> refuse_full(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (is_no_content(name)) continue;
    return directory + " is not empty (" + name + "); restore into an empty data directory";
  }
  if (error) return "can't list " + directory + ": " + error.message();
  return std::nullopt;
}

// Makes the directory that of a cluster's first node, which begins with this state.
std::variant<SnapshotSummary, std::string> found(const Content& content, const RestoreOptions& options) {
  std::variant<LogDirectory, std::string> locked = lock_directory(options.directory);
  if (auto* failed = std::get_if<std::string>(&locked)) return std::move(*failed);
  if (auto full = refuse_full(options.directory)) return std::move(*full);
  std::optional<std::string> failed = write_state(content, options.directory);
  if (!failed) failed = write_log(content, options.directory, options.incarnation);
  if (!failed) failed = write_founding_note(options.directory, options.cluster);
  if (!failed) return content.summary;
  // It was empty before; half a state must not be taken for a node that has lost its cluster.
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(options.directory, error)) {
    std::error_code unclear;
    if (!is_no_content(entry.path().filename().string())) fs::remove_all(entry.path(), unclear);
  }
  return std::move(*failed);
}

}  // namespace

std::variant<SnapshotSummary, std::string> check_snapshot(const std::string& file) {
  std::variant<Content, std::string> content = read_all(file, false);
  if (auto* failed = std::get_if<std::string>(&content)) return std::move(*failed);
  return std::get<Content>(content).summary;
}

std::variant<SnapshotSummary, std::string> restore_snapshot(const RestoreOptions& options) {
  std::variant<Content, std::string> read = read_all(options.file, true);
  if (auto* failed = std::get_if<std::string>(&read)) return std::move(*failed);
  auto& content = std::get<Content>(read);
  if (!options.keep_sessions) {
    if (auto failed = end_sessions(content)) return options.file + " can't be restored: " + *failed;
  }
  return found(content, options);
}

std::variant<SnapshotSummary, std::string> restore_database(DatabaseContent&& database, const NodeId& founder,
                                                            const RestoreOptions& options) {
  std::optional<StateContent> artefact;
  if (!options.file.empty()) {
    std::variant<Content, std::string> read = read_all(options.file, true);
    if (auto* failed = std::get_if<std::string>(&read)) return std::move(*failed);
    artefact = std::move(std::get<Content>(read));
  }
  std::variant<StateContent, std::string> merged =
      merge_states(std::move(database), std::move(artefact), founder, options.incarnation);
  if (auto* failed = std::get_if<std::string>(&merged)) return "the backup can't be restored: " + *failed;
  Content content;
  static_cast<StateContent&>(content) = std::move(std::get<StateContent>(merged));
  if (auto failed = build(content)) return "the backup can't be restored: " + *failed;
  return found(content, options);
}

}  // namespace patronus
