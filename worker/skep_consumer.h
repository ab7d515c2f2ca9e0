
#ifndef _SKEP_CONSUMER_H_INCLUDED_
#define _SKEP_CONSUMER_H_INCLUDED_


/* a thread's function, see skep_run.h; data is not used */
void skep_consumer_run(void *data);


#endif /* _SKEP_CONSUMER_H_INCLUDED_ */
