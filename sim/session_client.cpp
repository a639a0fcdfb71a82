#include "sim/session_client.h"

#include <memory>
#include <utility>

#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kSessionPatience = 5s;  // longer than a node takes to say 503

bool is_ok(int status) { return status == 200 || status == 201 || status == 204; }

std::string get_me(const std::string& token) {
  return "GET /api/v1/auth/me HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer " + token + "\r\n\r\n";
}
std::string post_refresh(const std::string& cookie) {
  return json_post("/api/v1/auth/refresh", "Cookie: other=1; patronus_refresh=" + cookie + "\r\n", "");
}

}  // namespace

SessionClient::SessionClient(uint32_t number, const Profile& profile, Events& events, Tape& tape,
                             Network& network, Trace& trace, std::function<std::string()> setup_token)
    : number_(number),
      profile_(profile),
      events_(events),
      tape_(tape.track("user-" + std::to_string(number + 1))),
      any_node_(tape_, profile.nodes + profile.extras),
      trace_(trace),
      setup_token_(std::move(setup_token)),
      tabs_{{kFirstSession + 2 * number, events, network},
            {kFirstSession + 2 * number + 1, events, network}} {}

void SessionClient::start() { pause(); }

void SessionClient::pause() {
  if (finishing_ && (admin_exists_ || number_ != 0)) return;
  // What is asked after a session's end tells most once every node must know of it.
  const Duration longest =
      ended_at_ ? std::max<Duration>(profile_.think_max, profile_.election_timeout) : profile_.think_max;
  events_.after(tape_.pause(1ms, longest), [this] { act(); });
}

void SessionClient::act() {
  if (!admin_exists_ && number_ == 0) return make_admin();
  if (finishing_) return;
  if (token_.empty()) return log_in();
  if (ended_at_) return probe();
  const uint32_t what = tape_.choose(20);
  if (what < 11) return check();
  if (what < 14) return refresh();
  if (what < 17) return refresh_twice();
  if (what < 18 && !stolen_.empty()) return be_robbed();
  if (what < 19) return log_out();
  check();
}

void SessionClient::tell(const char* text) {
  if (trace_.keeps()) trace_.line(events_.now(), name(), text);
}

void SessionClient::make_admin() {
  const std::string setup = setup_token_();
  if (setup.empty()) return pause();
  const std::string body = R"({"email":")" + std::string(kSimEmail) + R"(","name":"Root","password":")" +
                           std::string(kSimPassword) + R"("})";
  tabs_[0].ask(
      any_node_(), json_post("/api/v1/auth/init-admin", "Authorization: Setup " + setup + "\r\n", body),
      kSessionPatience, [this](const std::optional<HttpAnswer>& answer) {
        if (answer && (answer->status == 201 || answer->status == 409)) {
          admin_exists_ = true;
          tell("is the administrator");
        } else if (answer && answer->status == 401) {
          throw Violation("sessions", "the setup token that a node printed is refused: " + answer->body);
        }
        pause();
      });
}

void SessionClient::log_in() {
  tabs_[0].ask(any_node_(), login_request(), kSessionPatience,
               [this](const std::optional<HttpAnswer>& answer) {
                 if (answer && answer->status == 200) {
                   token_ = text_between(answer->body, "\"access_token\":\"", "\"");
                   cookie_ = text_between(answer->headers, "patronus_refresh=", ";");
                   ++counts_.logins;
                   tell("logs in");
                 }
                 pause();
               });
}

// Scenario 1: whichever node is asked and whichever died, the user is still logged in.
void SessionClient::check() {
  tabs_[0].ask(
      any_node_(), get_me(token_), kSessionPatience, [this](const std::optional<HttpAnswer>& answer) {
        if (answer && answer->status == 401 && !in_doubt_)
          throw Violation("sessions", name() + " is refused in a session that nobody ended: " + answer->body);
        if (answer && answer->status == 401) forget();
        if (answer && answer->status == 200) ++counts_.checks;
        pause();
      });
}

SessionClient::Refreshed SessionClient::read_refresh(const std::optional<HttpAnswer>& answer) const {
  Refreshed refreshed;
  if (!answer || answer->status == 503 || answer->status == 504 || answer->status == 507) return refreshed;
  refreshed.told = true;
  refreshed.status = answer->status;
  refreshed.cookie = text_between(answer->headers, "patronus_refresh=", ";");
  refreshed.body = answer->body;
  refreshed.token = text_between(answer->body, "\"access_token\":\"", "\"");
  return refreshed;
}

void SessionClient::take(const Refreshed& refreshed) {
  if (!refreshed.told || refreshed.status != 200 || refreshed.cookie == cookie_) return;
  stolen_ = before_;
  before_ = cookie_;
  cookie_ = refreshed.cookie;
  token_ = refreshed.token;
  ++counts_.refreshes;
}

// An answer that was lost is asked for again with the same token: it gives the same successor.
void SessionClient::on_refreshed(const Refreshed& refreshed) {
  // Whoever presents the newest token he was told of is at most one behind, however many answers were lost.
  if (refreshed.told && (refreshed.status == 401 || refreshed.status == 409) && !in_doubt_)
    throw Violation("sessions", name() + " can't refresh a session that nobody ended: " + refreshed.body);
  if (refreshed.told && refreshed.status == 401) forget();
  take(refreshed);
}

// Whether it is the newest one or the one before, what is given for it is a successor: a token that goes on
// being good could be stolen without anybody's noticing.
void SessionClient::must_rotate(const std::string& presented, const Refreshed& refreshed) const {
  if (refreshed.told && refreshed.status == 200 && refreshed.cookie == presented)
    throw Violation("sessions", name() + " gets the same refresh token again");
}

void SessionClient::refresh() {
  tell("refreshes");
  const std::string cookie = cookie_;
  tabs_[0].ask(any_node_(), post_refresh(cookie), kSessionPatience,
               [this, cookie](const std::optional<HttpAnswer>& answer) {
                 const Refreshed refreshed = read_refresh(answer);
                 must_rotate(cookie, refreshed);
                 on_refreshed(refreshed);
                 pause();
               });
}

// Scenario 38.
void SessionClient::refresh_twice() {
  tell("refreshes in two tabs");
  const std::string cookie = cookie_;
  auto first = std::make_shared<std::optional<Refreshed>>();
  const auto done = [this, first, cookie](const std::optional<HttpAnswer>& answer) {
    const Refreshed refreshed = read_refresh(answer);
    must_rotate(cookie, refreshed);
    if (!*first) {
      *first = refreshed;
      return;
    }
    const bool both = refreshed.told && (*first)->told && refreshed.status == 200 && (*first)->status == 200;
    if (both && refreshed.cookie != (*first)->cookie)
      throw Violation("sessions", name() + ": two tabs that refresh at once get different refresh tokens");
    if (both) ++counts_.double_refreshes;
    on_refreshed(**first);
    if (!token_.empty()) on_refreshed(refreshed);
    pause();
  };
  tabs_[0].ask(any_node_(), post_refresh(cookie), kSessionPatience, done);
  tabs_[1].ask(any_node_(), post_refresh(cookie), kSessionPatience, done);
}

void SessionClient::log_out() {
  tell("logs out");
  in_doubt_ = true;
  tabs_[0].ask(any_node_(), json_post("/api/v1/auth/logout", "Authorization: Bearer " + token_ + "\r\n", ""),
               kSessionPatience, [this](const std::optional<HttpAnswer>& answer) {
                 if (answer && answer->status == 204) {
                   ++counts_.logouts;
                   ended();
                 }
                 pause();
               });
}

// Somebody uses a refresh token of two generations ago: the whole session ends.
void SessionClient::be_robbed() {
  tell("is robbed: somebody uses a refresh token of two generations ago");
  const bool was_in_doubt = std::exchange(in_doubt_, true);
  tabs_[1].ask(any_node_(), post_refresh(stolen_), kSessionPatience,
               [=, this](const std::optional<HttpAnswer>& answer) {
                 // A node that lags took the theft for an old request: the token is refused, and nothing else
                 // happened.
                 if (answer && answer->status == 409) in_doubt_ = was_in_doubt;
                 if (answer && is_ok(answer->status))
                   throw Violation("sessions", name() + ": a refresh token of two generations ago is taken");
                 if (answer && answer->status == 401) {
                   ++counts_.reuses;
                   ended();
                 }
                 pause();
               });
}

void SessionClient::ended() {
  ended_at_ = events_.now();
  probes_ = 3 + tape_.choose(6);
  tell("has no session any more");
}

// Scenario 39: a node that lags must not go on accepting what was revoked.
void SessionClient::probe() {
  const bool must_be_known =
      events_.now() - *ended_at_ > profile_.by_slowest_clock(2 * profile_.election_timeout);
  tabs_[0].ask(any_node_(), get_me(token_), kSessionPatience,
               [this, must_be_known](const std::optional<HttpAnswer>& answer) {
                 if (answer && answer->status == 200 && must_be_known)
                   throw Violation("sessions", name() + "'s session is accepted after it was ended");
                 if (answer && answer->status == 401) ++counts_.refusals_after_end;
                 if (probes_ == 0 || --probes_ == 0) forget();
                 pause();
               });
}

void SessionClient::forget() {
  token_.clear();
  cookie_.clear();
  before_.clear();
  stolen_.clear();
  in_doubt_ = false;
  ended_at_.reset();
}

}  // namespace patronus::sim
