/* Interfaces of the network, by their names. */
#ifndef NET_INTERFACE_H
#define NET_INTERFACE_H

/* The number of an interface. 0; -ENODEV: there is none of that name; or -errno: nobody could look,
 * as it takes a descriptor. Does not wait. From: any thread. */
int interface_find(const char *name, unsigned *number);

#endif
