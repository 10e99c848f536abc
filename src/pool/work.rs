//! A job in a lane: any closure, type-erased into a value of fixed size.

use std::mem::{ManuallyDrop, MaybeUninit};

use super::context::Context;
use super::finish::Finish;
use crate::error::JobError;

/// What can be put into a lane.
pub(crate) trait Work: Send + 'static {
    /// Runs it, and says through `finish` how it ended before anybody waiting for a result is told.
    fn run(self, context: Context<'_>, finish: Finish<'_>);

    /// Drops it unrun, and tells whoever waits for a result why.
    fn discard(self, why: JobError);
}

/// Words a piece of work may take to be stored in place.
const WORDS: usize = 6;

/// Bytes a closure may capture to be stored in the lane itself; a larger one costs an allocation.
pub(crate) const INLINE_BYTES: usize = WORDS * size_of::<usize>();

/// Some [`Work`], in place if it is small, else in a box. Dropped unrun, it counts as abandoned.
pub(crate) struct Erased {
    table: &'static Table,
    body: MaybeUninit<[usize; WORDS]>,
}

struct Table {
    /// # Safety
    /// The body holds a `W` (or its box) of this table's type, and is not used again.
    run: unsafe fn(*mut u8, Context<'_>, Finish<'_>),
    /// # Safety
    /// As `run`.
    discard: unsafe fn(*mut u8, JobError),
}

/// How a `W` lies in a body.
struct Layout<W>(std::marker::PhantomData<W>);

impl<W: Work> Layout<W> {
    const IN_PLACE: bool = size_of::<W>() <= INLINE_BYTES && align_of::<W>() <= align_of::<usize>();

    const TABLE: Table = Table {
        // SAFETY: the obligation is passed on unchanged.
        run: |body, context, finish| unsafe { Self::take(body) }.run(context, finish),
        // SAFETY: the obligation is passed on unchanged.
        discard: |body, why| unsafe { Self::take(body) }.discard(why),
    };

    /// # Safety
    /// `body` holds a `W` put there by [`Erased::new`], and is not used again.
    #[inline]
    unsafe fn take(body: *mut u8) -> W {
        if Self::IN_PLACE {
            // SAFETY: by the caller's promise a `W` lies there, aligned, since IN_PLACE says so.
            unsafe { body.cast::<W>().read() }
        } else {
            #[allow(clippy::cast_ptr_alignment, reason = "a body is an array of words")]
            // SAFETY: by the caller's promise a pointer from `Box::into_raw` lies there.
            let boxed = unsafe { body.cast::<*mut W>().read() };
            // SAFETY: and it is read only once, so the box has one owner.
            *unsafe { Box::from_raw(boxed) }
        }
    }
}

impl Erased {
    #[inline]
    pub(crate) fn new<W: Work>(work: W) -> Self {
        let mut body = MaybeUninit::<[usize; WORDS]>::uninit();
        let place = body.as_mut_ptr();
        if Layout::<W>::IN_PLACE {
            // SAFETY: IN_PLACE says that a `W` fits there and is aligned.
            unsafe { place.cast::<W>().write(work) };
        } else {
            // SAFETY: a pointer fits into the first word.
            unsafe { place.cast::<*mut W>().write(Box::into_raw(Box::new(work))) };
        }
        Self { table: &Layout::<W>::TABLE, body }
    }

    #[inline]
    pub(crate) fn run(self, context: Context<'_>, finish: Finish<'_>) {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `new` filled the body according to this table, and `this` is not dropped.
        unsafe { (this.table.run)(this.body.as_mut_ptr().cast(), context, finish) }
    }

    pub(crate) fn discard(self, why: JobError) {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `new` filled the body according to this table, and `this` is not dropped.
        unsafe { (this.table.discard)(this.body.as_mut_ptr().cast(), why) }
    }

    /// The work as it was.
    ///
    /// # Safety
    /// It was made by [`Erased::new`] from a `W`.
    pub(crate) unsafe fn into_inner<W: Work>(self) -> W {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: by the caller's promise the body holds a `W`, and `this` is not dropped.
        unsafe { Layout::<W>::take(this.body.as_mut_ptr().cast()) }
    }
}

// SAFETY: what lies in the body is `Send`, as `Work` demands.
unsafe impl Send for Erased {}

impl Drop for Erased {
    fn drop(&mut self) {
        // SAFETY: every other use of the body wraps `self` in `ManuallyDrop`, so it is still filled.
        unsafe { (self.table.discard)(self.body.as_mut_ptr().cast(), JobError::Abandoned) }
    }
}
