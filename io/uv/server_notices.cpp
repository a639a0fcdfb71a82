// What the core has to say, as lines of the log: each kind of notice has an event's name, by which it is
// found.
#include "io/uv/log.h"
#include "io/uv/server.h"

namespace patronus::uv {

void Server::log(const Notice& notice) {
  switch (notice.kind) {
    case NoticeKind::kFounded:
      log_line(LogLevel::kInfo, "founded", notice.text);
      break;
    case NoticeKind::kRole:
      log_line(LogLevel::kInfo, "leader", notice.text);
      break;
    case NoticeKind::kLeaderKnown:
      log_line(LogLevel::kInfo, "follower", notice.text);
      break;
    case NoticeKind::kLeaderLost:
      log_line(LogLevel::kWarn, "leader_lost", notice.text);
      break;
    case NoticeKind::kHandOver:
      log_line(LogLevel::kInfo, "hand_over", notice.text);
      break;
    case NoticeKind::kOperator:
      log_line(LogLevel::kInfo, "operator", notice.text);
      break;
    case NoticeKind::kSetupToken:
      log_line(LogLevel::kInfo, "setup_token", notice.text);
      break;
    case NoticeKind::kArtefact:
      log_line(LogLevel::kInfo, "state", notice.text);
      break;
    case NoticeKind::kName:
      log_line(LogLevel::kInfo, "names", notice.text);
      break;
    case NoticeKind::kNameFault:
      log_line(LogLevel::kWarn, "names", notice.text);
      break;
    case NoticeKind::kImageFault:
      log_line(LogLevel::kError, "image", notice.text);
      break;
    case NoticeKind::kDatabase:
      log_line(LogLevel::kInfo, "database", notice.text);
      break;
    case NoticeKind::kStranger:
      log_line(LogLevel::kWarn, "refused", notice.text);
      break;
  }
}

}  // namespace patronus::uv
