// The durable image of the replicated state: its rows in an LMDB file, each checkpoint one transaction with
// the index it is of, the base and the state's hash in it. LMDB syncs before a commit returns; whenever power
// fails, the file holds one checkpoint or the next, whole.
//
// One thread at a time. LMDB reads through mapped memory, and what a damaged file makes it read may end the
// process: so a file that was not written by this process is first looked at by another one (check_readable).
#pragma once

#include <lmdb.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/types.h"
#include "core/effect.h"

namespace patronus {

// What the image says of itself.
struct ImageAbout {
  Incarnation incarnation;
  CheckpointEnd end;
  uint64_t rows = 0;
  bool installed =
      false;  // it came from another node, and the log has not been brought together with it since

  friend bool operator==(const ImageAbout&, const ImageAbout&) = default;
};

enum class ImageFault : uint8_t {
  kFull,     // no room on the disk, or in the map: the image is as it was, and it may be tried again
  kDamaged,  // what the file holds is not an image that was written here
  kNewer,    // a later version of the program wrote it
  kFailed,   // anything else: what the file holds now is unknown
};
struct ImageError {
  ImageFault fault = ImageFault::kFailed;
  std::string text;
};

class Image {
 public:
  // Opens or creates the file. `map_bytes` bounds it; it is only as large as what is in it.
  [[nodiscard]] static std::variant<Image, ImageError> open(const std::string& path, size_t map_bytes);

  // The same of one that is there, to be read while another process writes it. What is read may end this
  // process, if the file is damaged: so it should be one of its own.
  [[nodiscard]] static std::variant<Image, ImageError> open_to_read(const std::string& path,
                                                                    size_t map_bytes);

  // What it holds; nothing if it is new.
  [[nodiscard]] std::variant<std::optional<ImageAbout>, ImageError> about();
  // Every row, in order, until `row` gives a reason against the file's content.
  using ReadRow = std::function<std::optional<std::string>(std::string_view key, std::string_view value)>;
  [[nodiscard]] std::optional<ImageError> read(const ReadRow& row);
  // What to say of it for this reason.
  ImageError damaged(const std::string& reason) const {
    return {ImageFault::kDamaged, "the image " + path_ + " is damaged: " + reason};
  }

  // Begins a transaction; pieces are written into it; commit makes them durable, all or none. An error
  // abandons the transaction.
  [[nodiscard]] std::optional<ImageError> begin();
  [[nodiscard]] std::optional<ImageError> write(const std::vector<Row>& rows);
  // `installed`: see ImageAbout.
  [[nodiscard]] std::optional<ImageError> commit(Incarnation incarnation, const CheckpointEnd& end,
                                                 bool installed = false);
  // Image and log have been brought together: from now on a misfit is damage again.
  [[nodiscard]] std::optional<ImageError> settle(const ImageAbout& about);
  bool in_transaction() const { return transaction_ != nullptr; }
  void abandon() { transaction_.reset(); }

 private:
  struct CloseEnvironment {
    void operator()(MDB_env* environment) const { mdb_env_close(environment); }
  };
  struct AbortTransaction {
    void operator()(MDB_txn* transaction) const { mdb_txn_abort(transaction); }
  };
  using Transaction = std::unique_ptr<MDB_txn, AbortTransaction>;

  std::optional<ImageError> open_environment(unsigned flags, size_t map_bytes);
  std::optional<ImageError> open_tables(bool read_only);
  explicit Image(std::string path) : path_(std::move(path)) {}
  std::optional<ImageError> start(bool read_only, Transaction& transaction);
  std::optional<ImageError> write(const Row& row);
  ImageError error(std::string_view what, int code) const;

  std::string path_;
  std::unique_ptr<MDB_env, CloseEnvironment> environment_;
  MDB_dbi rows_ = 0;
  MDB_dbi about_ = 0;
  Transaction transaction_;  // after the environment, so that it ends first
};

// Reads the whole file in a process of its own. Nothing if that came to its end, however sound the rows are;
// else how it ended. That process keeps nothing of what this one has open, and ends with it. To be called
// before the process has threads.
[[nodiscard]] std::optional<ImageError> check_readable(const std::string& path, size_t map_bytes);

}  // namespace patronus
