/*
 * A socket of curl's is a task of ours: its watcher, born when curl opens the socket and gone when
 * the socket is closed. In between it polls for what curl is interested in, and tells curl; or it
 * sleeps, while curl is interested in nothing, because the connection is idle or its transfer
 * paused.
 *
 * All but the last are curl's callbacks. They never wait (see driver.h).
 */
#ifndef GET_WATCHER_H
#define GET_WATCHER_H

#include "driver.h"

/* CURLOPT_OPENSOCKETFUNCTION, with the driver as its data. */
curl_socket_t watcher_open_socket(void *driver, curlsocktype purpose,
                                  struct curl_sockaddr *address);

/* CURLOPT_CLOSESOCKETFUNCTION, likewise. */
int watcher_close_socket(void *driver, curl_socket_t fd);

/* CURLMOPT_SOCKETFUNCTION, likewise. */
int watcher_set_interest(CURL *easy, curl_socket_t fd, int what, void *driver, void *unused);

/* Once curl is gone: ends the watchers of sockets that it has closed itself. Does not wait. */
void watcher_end_all(struct driver *driver);

#endif
