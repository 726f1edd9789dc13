/* See driver.h. */
#include "driver.h"

#include <errno.h>
#include <stdlib.h>

#include "watcher.h"

/* curl has ended some transfers, maybe: their tasks are told. */
static void tell_ends(struct driver *self)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(self->multi, &left)) != NULL) {
        driver_transfer *transfer;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        transfer->is_over = true;
        transfer->code = message->data.result;
        whorl_event_set(&transfer->stirred);
    }
}

void driver_act(struct driver *self, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(self->multi, fd, events, &running);
    tell_ends(self);
}

static intptr_t ring_alarm(void *arg)
{
    struct driver *self = arg;
    whorl_release(self->alarm);
    self->alarm = NULL;
    driver_act(self, CURL_SOCKET_TIMEOUT, 0);
    return 0;
}

/* CURLMOPT_TIMERFUNCTION: there is one timer, and -1 takes it away. */
static int set_alarm(CURLM *multi, long ms, void *arg)
{
    struct driver *self = arg;
    (void)multi;
    if (self->alarm != NULL)
        whorl_call_cancel(self->alarm);
    self->alarm = ms < 0 ? NULL : whorl_call_later(WHORL_MS(ms), ring_alarm, self);
    return ms < 0 || self->alarm != NULL ? 0 : -1;
}

int driver_open(struct driver *self, long most, long most_per_host)
{
    *self = (struct driver){.multi = curl_multi_init()};
    if (self->multi == NULL)
        return -ENOMEM;
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, watcher_set_interest);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, set_alarm);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    curl_multi_setopt(self->multi, CURLMOPT_MAX_HOST_CONNECTIONS, most_per_host);
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, most);
    return whorl_group_init(&self->sockets);
}

/* The connections that curl has kept go first, and their watchers with them; so the group ends by
 * itself. */
void driver_close(struct driver *self)
{
    curl_multi_cleanup(self->multi);
    watcher_end_all(self);
    if (self->alarm != NULL)
        whorl_call_cancel(self->alarm);
    whorl_group_wait(&self->sockets, 0);
    free(self->watchers);
}

int driver_start(struct driver *self, driver_transfer *transfer)
{
    CURL *easy = transfer->easy;
    *transfer = (driver_transfer){.easy = easy};
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, watcher_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, self);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, watcher_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, self);
    return curl_multi_add_handle(self->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void driver_stop(struct driver *self, driver_transfer *transfer)
{
    curl_multi_remove_handle(self->multi, transfer->easy);
}

void driver_go_on(driver_transfer *transfer)
{
    curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}
