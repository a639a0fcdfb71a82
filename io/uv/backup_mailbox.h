// The node's end of the mailbox between it and the process that copies its database off site
// (io/backup/mailbox.h): looked into once a second on a thread of libuv's pool, by CertificateReloader.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "io/backup/mailbox.h"

namespace patronus::uv {

class BackupMailbox {
 public:
  explicit BackupMailbox(const std::string& database) : directory_(backup::mailbox_of(database)) {}

  // Written with the next look; of several the last one.
  void ask(const backup::Requests& requests);
  // Of the pool's thread: writes what is asked for, and reads a report that is new. Nothing: there is none.
  std::optional<backup::Report> look();

 private:
  std::string directory_;
  std::mutex mutex_;
  std::optional<backup::Requests> to_write_;
  std::string last_;
};

// What CertificateReloader takes.
struct BackupWatch {
  std::shared_ptr<BackupMailbox> mailbox;
  std::optional<backup::Report> look(int64_t) const { return mailbox->look(); }
};

}  // namespace patronus::uv
