#include "io/uv/backup_mailbox.h"

#include <utility>

#include "core/base/limits.h"
#include "io/storage/file.h"

namespace patronus::uv {

void BackupMailbox::ask(const backup::Requests& requests) {
  const std::lock_guard lock(mutex_);
  to_write_ = requests;
}

std::optional<backup::Report> BackupMailbox::look() {
  std::optional<backup::Requests> asked;
  {
    const std::lock_guard lock(mutex_);
    asked = std::exchange(to_write_, std::nullopt);
  }
  if (asked) (void)replace_file(directory_, "requests.json", backup::encode(*asked));
  std::variant<std::optional<std::string>, std::string> read =
      read_if_there(backup::report_path(directory_), limits::kBackupReportBytesMax);
  auto* text = std::get_if<std::optional<std::string>>(&read);
  if (text == nullptr || !*text || **text == last_) return std::nullopt;
  last_ = std::move(**text);
  return backup::decode_report(last_);
}

}  // namespace patronus::uv
